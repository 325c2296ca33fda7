//! The circuit breaker: a host that keeps failing is left alone for a while, then tried by one
//! request.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The breaker of one host.
#[derive(Debug)]
pub(crate) struct Breaker {
    /// Failures in a row that open it; 0 for never.
    threshold: u32,
    open_for: Duration,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Requests pass.
    Closed { failures: u32 },
    /// None pass until then.
    Open { until: Instant },
    /// One request is under way to find out.
    Probing,
}

impl Breaker {
    pub(crate) fn new(threshold: u32, open_for: Duration) -> Self {
        Self { threshold, open_for, state: Mutex::new(State::Closed { failures: 0 }) }
    }

    /// Whether a request would pass now; else how long until one may.
    pub(crate) fn check(&self) -> Result<(), Duration> {
        self.judge(*self.state())
    }

    /// Lets a request through, or says how long none may pass.
    pub(crate) fn pass(self: &Arc<Self>) -> Result<Pass, Duration> {
        let mut state = self.state();
        self.judge(*state)?;
        let probe = matches!(*state, State::Open { .. });
        if probe {
            *state = State::Probing;
        }
        Ok(Pass { breaker: self.clone(), probe })
    }

    /// Nothing to remember: closed, without failures.
    pub(crate) fn is_calm(&self) -> bool {
        *self.state() == State::Closed { failures: 0 }
    }

    fn judge(&self, state: State) -> Result<(), Duration> {
        match state {
            State::Closed { .. } => Ok(()),
            State::Open { until } => {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() { Ok(()) } else { Err(left) }
            }
            State::Probing => Err(self.open_for),
        }
    }

    fn failed(&self, probe: bool) {
        let mut state = self.state();
        let failures = match *state {
            State::Closed { failures } => failures.saturating_add(1),
            State::Probing if probe => self.threshold,
            // Late news from before it opened.
            State::Open { .. } | State::Probing => return,
        };
        *state = if self.threshold > 0 && failures >= self.threshold {
            State::Open { until: Instant::now() + self.open_for }
        } else {
            State::Closed { failures }
        };
    }

    fn succeeded(&self, probe: bool) {
        let mut state = self.state();
        if probe || matches!(*state, State::Closed { .. }) {
            *state = State::Closed { failures: 0 };
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The permission for one request. Dropped without a word, it says nothing about the host, and a
/// probe that was given up lets the next request try.
#[derive(Debug)]
pub(crate) struct Pass {
    breaker: Arc<Breaker>,
    probe: bool,
}

impl Pass {
    /// The host answered: a probe has found out what it was for.
    pub(crate) fn answered(&mut self) {
        if std::mem::take(&mut self.probe) {
            self.breaker.succeeded(true);
        }
    }

    /// The exchange ended well.
    pub(crate) fn succeed(mut self) {
        self.breaker.succeeded(std::mem::take(&mut self.probe));
    }

    /// The exchange failed.
    pub(crate) fn fail(mut self) {
        self.breaker.failed(std::mem::take(&mut self.probe));
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.probe {
            *self.breaker.state() = State::Open { until: Instant::now() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Duration = Duration::from_secs(10);

    fn broken() -> Arc<Breaker> {
        let breaker = Arc::new(Breaker::new(2, OPEN));
        breaker.pass().unwrap().fail();
        breaker.pass().unwrap().fail();
        breaker
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_after_failures_in_a_row_and_only_then() {
        let breaker = Arc::new(Breaker::new(2, OPEN));
        breaker.pass().unwrap().fail();
        breaker.pass().unwrap().succeed();
        breaker.pass().unwrap().fail();
        assert!(breaker.check().is_ok());
        breaker.pass().unwrap().fail();
        assert_eq!(breaker.check(), Err(OPEN));
        assert_eq!(breaker.pass().unwrap_err(), OPEN);
    }

    #[tokio::test(start_paused = true)]
    async fn one_probe_goes_through_and_closes_it() {
        let breaker = broken();
        tokio::time::advance(OPEN).await;
        let probe = breaker.pass().unwrap();
        assert!(breaker.pass().is_err(), "a second request must wait for the probe");
        probe.succeed();
        assert!(breaker.is_calm());
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_probe_opens_it_again_for_the_whole_time() {
        let breaker = broken();
        tokio::time::advance(OPEN).await;
        breaker.pass().unwrap().fail();
        assert_eq!(breaker.check(), Err(OPEN));
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_was_given_up_blocks_nobody() {
        let breaker = broken();
        tokio::time::advance(OPEN).await;
        drop(breaker.pass().unwrap());
        assert!(breaker.pass().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn headers_settle_a_probe_while_its_body_is_on_the_way() {
        let breaker = broken();
        tokio::time::advance(OPEN).await;
        let mut probe = breaker.pass().unwrap();
        probe.answered();
        assert!(breaker.pass().is_ok());
        drop(probe);
        assert!(breaker.check().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn late_failures_do_not_prolong_it() {
        let breaker = Arc::new(Breaker::new(1, OPEN));
        let late = breaker.pass().unwrap();
        breaker.pass().unwrap().fail();
        tokio::time::advance(OPEN / 2).await;
        late.fail();
        assert_eq!(breaker.check(), Err(OPEN / 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_threshold_of_zero_turns_it_off() {
        let breaker = Arc::new(Breaker::new(0, OPEN));
        for _ in 0..100 {
            breaker.pass().unwrap().fail();
        }
        assert!(breaker.check().is_ok());
    }
}
