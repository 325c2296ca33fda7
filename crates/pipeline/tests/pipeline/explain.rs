//! The explanation is what listing and download do.

use weir_core::Purl;
use weir_pipeline::ExplainError;
use weir_testkit::origin::Package;

use crate::harness::{DAY, Gateway};
use crate::policies::{Registries, files};

fn demo() -> Package {
    Package::new("demo")
        .release("1.0.0", "2024-01-01T00:00:00Z")
        .release("1.1.0", "2026-05-30T00:00:00Z")
}

async fn explain(
    gateway: &Gateway,
    purl: &str,
) -> Result<Vec<weir_policy::Explanation>, ExplainError> {
    let mounts: Vec<_> =
        ["npm", "pypi", "cargo"].iter().map(|name| gateway.mounts[*name].clone()).collect();
    let purl: Purl = purl.parse().unwrap();
    gateway.pipeline.explain(&mounts, &purl).await.map(|explained| explained.explanations)
}

#[tokio::test]
async fn what_is_withheld_is_explained_as_it_is_refused() {
    let registries = Registries::start(&demo()).await;
    let gateway = registries.setup().cooldown(7).open().await;
    for (kind, file) in ["npm", "pypi", "cargo"].into_iter().zip(files("1.1.0")) {
        let explained = explain(&gateway, &format!("pkg:{kind}/demo@1.1.0")).await.unwrap();
        let [one] = explained.as_slice() else { panic!("{explained:?}") };
        let refused = gateway.get(&file).await;
        assert_eq!(one.verdict, "withheld");
        assert_eq!(Some(one.sentence.as_str()), refused.reason.as_deref());
        assert_eq!(one.code, refused.header("x-weir-reason"));
        assert_eq!(one.rule.as_deref(), Some("cooldown"));
        assert_eq!(one.until.as_deref(), Some("2026-06-06T00:00:00Z"));
        assert_eq!(one.facts.published.as_deref(), Some("2026-05-30T00:00:00Z"));
        let passes = explain(&gateway, &format!("pkg:{kind}/demo@1.0.0")).await.unwrap();
        assert_eq!(passes[0].verdict, "admitted");
    }
    gateway.clock().advance(DAY * 7);
    let explained = explain(&gateway, "pkg:npm/demo@1.1.0").await.unwrap();
    assert_eq!(explained[0].verdict, "admitted");
}

#[tokio::test]
async fn without_a_version_what_is_withheld_and_the_newest_that_passes() {
    let registries = Registries::start(&demo()).await;
    let gateway = registries.setup().cooldown(7).open().await;
    for kind in ["npm", "pypi", "cargo"] {
        let explained = explain(&gateway, &format!("pkg:{kind}/demo")).await.unwrap();
        let verdicts: Vec<_> = explained.iter().map(|e| (e.verdict, e.purl.as_str())).collect();
        let (new, old) = (format!("pkg:{kind}/demo@1.1.0"), format!("pkg:{kind}/demo@1.0.0"));
        assert_eq!(verdicts, [("withheld", new.as_str()), ("admitted", old.as_str())]);
    }
}

#[tokio::test]
async fn what_is_not_listed_is_said_to_be_so() {
    let registries = Registries::start(&demo()).await;
    let gateway = registries.setup().open().await;
    for purl in ["pkg:npm/nobody", "pkg:npm/demo@9.9.9"] {
        let error = explain(&gateway, purl).await.unwrap_err();
        assert!(matches!(error, ExplainError::NotListed(_)), "{error:?}");
    }
    let error = explain(&gateway, "pkg:gem/demo").await.unwrap_err();
    assert!(matches!(error, ExplainError::NoMount(_)), "{error:?}");
    registries.npm.stop();
    let error = explain(&gateway, "pkg:npm/other").await.unwrap_err();
    assert!(matches!(error, ExplainError::Failed(_)), "{error:?}");
}
