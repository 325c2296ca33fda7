//! What happens to the gateway, its disk and its database.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use sea_orm::{ConnectionTrait as _, Database};
use weir_testkit::Random;
use weir_testkit::process::{Gateway, Start, command};

use crate::bucket::{Bucket, Weather};
use crate::counts::Tally;
use crate::disk::{self, Small};
use crate::faults::{Faults, Mood};
use crate::names::Names;
use crate::world::World;

/// The gateway, and whoever wishes it ill.
pub(crate) struct Havoc {
    pub(crate) world: Arc<World>,
    pub(crate) faults: Arc<Faults>,
    pub(crate) tally: Arc<Tally>,
    pub(crate) folder: PathBuf,
    pub(crate) start: Start,
    pub(crate) gateway: Option<Gateway>,
    /// Where it listens, for those who ask.
    pub(crate) port: Arc<AtomicU16>,
    pub(crate) small: Option<Small>,
    pub(crate) bucket: Option<Bucket>,
    /// What the gateway has to know.
    pub(crate) names: Option<Arc<Names>>,
    pub(crate) dice: Random,
}

impl Havoc {
    /// Starts the gateway, always at the same port.
    pub(crate) fn begin(&mut self) {
        let gateway = tokio::task::block_in_place(|| Gateway::start(&self.folder, &self.start));
        self.start.port = gateway.port;
        self.port.store(gateway.port, Ordering::Relaxed);
        self.gateway = Some(gateway);
    }

    /// Does one thing.
    pub(crate) async fn step(&mut self) {
        self.watch();
        match self.dice.below(21) {
            0..3 => self.kill(),
            3 => self.restart(),
            4..6 => self.harm("file removed", |path, _| std::fs::remove_file(path)),
            6..10 if self.bucket.is_some() => self.blow().await,
            6..9 => self.harm("bit flipped", disk::flip),
            9 => self.harm("file cut", disk::truncate),
            10 => self.lose_database(),
            11 => self.lose_store(),
            12 => self.lock_database().await,
            13 => self.fill_disk().await,
            14 => self.turn(),
            15..17 => self.faults.mood(Mood::Breezy),
            17 => self.faults.mood(Mood::Stormy),
            18 => self.faults.mood(Mood::Dark),
            19 => self.hide_database().await,
            _ => self.faults.mood(Mood::Calm),
        }
        self.watch();
    }

    fn watch(&mut self) {
        let Some(gateway) = &mut self.gateway else { return };
        if let Some(bytes) = gateway.memory() {
            self.tally.memory(bytes);
        }
        if !gateway.is_running() {
            self.tally.wrong(format!("the gateway ended by itself:\n{}", gateway.log()));
            self.begin();
        }
    }

    pub(crate) fn kill(&mut self) {
        self.tally.kill();
        if let Some(mut gateway) = self.gateway.take() {
            gateway.kill();
        }
        self.begin();
    }

    fn stop(&mut self) {
        if let Some(mut gateway) = self.gateway.take() {
            tokio::task::block_in_place(|| gateway.stop());
        }
    }

    fn restart(&mut self) {
        self.tally.fault("restarted");
        self.stop();
        self.begin();
    }

    /// Where objects lie as files.
    fn store(&self) -> PathBuf {
        match &self.bucket {
            Some(bucket) => bucket.folder().to_owned(),
            None => self.folder.join("data/cache"),
        }
    }

    /// The bucket's server is unwell for a while. It guards the bytes itself: nothing of it rots.
    async fn blow(&mut self) {
        let (kind, weather) = match self.dice.below(4) {
            0 => ("store unwell", Weather::Unwell),
            1 => ("store slow", Weather::Slow(Duration::from_millis(400))),
            2 => ("store cut", Weather::Cut),
            _ => ("store away", Weather::Away),
        };
        self.tally.fault(kind);
        self.turn_bucket(weather);
        self.pause(2500).await;
        self.turn_bucket(Weather::Fair);
    }

    fn turn_bucket(&self, weather: Weather) {
        if let Some(bucket) = &self.bucket {
            bucket.turn(weather);
        }
    }

    /// Does something to a few stored files.
    fn harm(&mut self, kind: &str, how: fn(&std::path::Path, &mut Random) -> std::io::Result<()>) {
        let files = disk::settled(&self.store());
        for _ in 0..files.len().min(1 + self.dice.below(5)) {
            let file = &files[self.dice.below(files.len())];
            if how(file, &mut self.dice).is_ok() {
                self.tally.fault(kind);
            }
        }
    }

    fn lose_database(&mut self) {
        self.tally.fault("database removed");
        self.forget();
        self.stop();
        let _ = std::fs::remove_dir_all(self.database());
        self.forget();
        self.begin();
    }

    /// The folder of the database.
    pub(crate) fn database(&self) -> PathBuf {
        self.folder.join("data/database")
    }

    /// The database is away for a while, as on a disk that is not mounted.
    async fn hide_database(&mut self) {
        let away = self.folder.join("data/away");
        if std::fs::rename(self.database(), &away).is_err() {
            return;
        }
        self.tally.fault("database away");
        self.pause(2500).await;
        if let Err(error) = std::fs::rename(&away, self.database()) {
            self.tally.wrong(format!("something is in the place of the database: {error}"));
        }
    }

    /// Before and after the database is removed: what is named between is not known afterwards.
    fn forget(&self) {
        if let Some(names) = &self.names {
            names.forget();
        }
    }

    fn lose_store(&mut self) {
        self.tally.fault("store removed");
        for file in disk::settled(&self.store()) {
            let _ = std::fs::remove_file(file);
        }
    }

    async fn lock_database(&mut self) {
        let path = self.database().join("weir.db");
        let options = sea_orm::ConnectOptions::new(format!("sqlite://{}", path.display()))
            .max_connections(1)
            .to_owned();
        let Ok(other) = Database::connect(options).await else { return };
        if other.execute_unprepared("BEGIN EXCLUSIVE").await.is_ok() {
            self.tally.fault("database locked");
            self.pause(2500).await;
            let _ = other.execute_unprepared("ROLLBACK").await;
        }
        let _ = other.close().await;
    }

    async fn fill_disk(&mut self) {
        let Some(small) = &self.small else { return };
        self.tally.fault("disk full");
        small.fill();
        self.pause(2500).await;
        if let Some(small) = &self.small {
            small.relieve();
        }
    }

    fn turn(&mut self) {
        let later = self.dice.below(2) == 0;
        self.tally.fault("listings older or newer");
        self.world.turn(later);
    }

    /// Waits up to so many milliseconds.
    pub(crate) async fn pause(&mut self, most: usize) {
        let pause = self.dice.below(most) as u64;
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }

    /// A good day from now on.
    pub(crate) fn calm(&mut self) {
        self.faults.mood(Mood::Calm);
        self.world.turn(true);
        self.turn_bucket(Weather::Fair);
        if let Some(small) = &self.small {
            small.relieve();
        }
    }

    /// Ends the gateway and looks at what it leaves: what has changed is found, and afterwards
    /// nothing is wrong and nothing is without a name.
    pub(crate) fn inspect(&mut self) {
        self.stop();
        let weir = |arguments: &[&str]| {
            let mut command = command(&self.folder, false);
            let config = self.folder.join("weir.toml");
            command.args(arguments).arg("--config").arg(config);
            command.arg("--data-dir").arg(self.folder.join("data"));
            command.envs(self.start.env.iter().map(|(name, value)| (name, value)));
            tokio::task::block_in_place(|| command.output())
        };
        let _ = weir(&["verify"]);
        for (arguments, wanted) in [
            (&["verify"][..], " 0 wrong"),
            (&["gc", "--grace", "0"], " without a record deleted"),
            (&["gc", "--grace", "0", "--dry-run"], ", 0 without a record"),
        ] {
            let text = weir(arguments).map(|output| [output.stdout, output.stderr].concat());
            let text = text.map(|text| String::from_utf8_lossy(&text).into_owned());
            if let Ok(text) = &text {
                self.tally.orphans(collected(text));
            }
            if !text.as_ref().is_ok_and(|text| text.contains(wanted)) {
                self.tally.wrong(format!("weir {arguments:?}: {text:?}"));
            }
        }
        let mut left = Vec::new();
        disk::walk(&self.folder.join("data/.weir-spool"), &mut left);
        disk::walk(&self.store().join(".weir-incoming"), &mut left);
        left.retain(|path| path.extension().is_none_or(|extension| extension != "lock"));
        if !left.is_empty() {
            self.tally.wrong(format!("left behind: {left:?}"));
        }
    }
}

/// How many objects `weir gc` says that it has deleted.
fn collected(text: &str) -> u64 {
    let before = text.split(" without a record deleted").next().filter(|before| *before != text);
    let number = before.and_then(|before| before.rsplit(' ').next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_collected_is_read_from_what_weir_says() {
        let said = "evicted 1 files\n12 objects, 3 without a record deleted (9 B), 0 younger";
        assert_eq!(collected(said), 3);
        assert_eq!(collected("12 objects, 3 without a record would be deleted (9 B)"), 0);
    }
}
