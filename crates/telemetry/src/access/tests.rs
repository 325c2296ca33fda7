//! What stands in the file, whatever happens to it.

use super::*;

fn record(target: &str) -> AccessRecord {
    AccessRecord {
        time: "2026-01-01T00:00:00Z".to_owned(),
        client: "127.0.0.1".to_owned(),
        method: "GET".to_owned(),
        target: target.to_owned(),
        status: 200,
        ..AccessRecord::default()
    }
}

fn settings(folder: &Path, max_size: u64, keep: u32) -> AccessSettings {
    AccessSettings { path: folder.join("access.log"), max_size, keep }
}

fn log(folder: &Path) -> AccessLog {
    AccessLog::open(settings(folder, 0, 0)).unwrap()
}

fn length(target: &str) -> u64 {
    serde_json::to_vec(&record(target)).unwrap().len() as u64 + 1
}

fn writer(folder: &Path, max_size: u64, keep: u32) -> Writer {
    Writer::open(settings(folder, max_size, keep), Arc::default()).unwrap()
}

fn lines(folder: &Path, name: &str) -> Vec<String> {
    let text = fs::read_to_string(folder.join(name)).unwrap_or_default();
    text.lines().map(ToOwned::to_owned).collect()
}

#[test]
fn a_line_is_a_json_object_without_absent_fields() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = writer(folder.path(), 0, 0);
    let refused = AccessRecord {
        outcome: Some("refused"),
        purl: Some("pkg:npm/left-pad@1.0.0".to_owned()),
        ..record("/npm/left-pad/-/\"\n")
    };
    writer.write(&refused).unwrap();
    drop(writer);
    insta::assert_snapshot!(lines(folder.path(), "access.log").join("|"), @r#"{"time":"2026-01-01T00:00:00Z","client":"127.0.0.1","method":"GET","target":"/npm/left-pad/-/\"\n","status":200,"bytes":0,"micros":0,"purl":"pkg:npm/left-pad@1.0.0","outcome":"refused"}"#);
}

#[test]
fn a_full_file_becomes_an_older_one_and_the_oldest_goes() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = writer(folder.path(), 2 * length("/a"), 2);
    for target in ["/a", "/b", "/c", "/d", "/e", "/f", "/g"] {
        writer.write(&record(target)).unwrap();
    }
    drop(writer);
    let targets = |name: &str| -> Vec<char> {
        let read = |line: &String| line.split("\"/").nth(1)?.chars().next();
        lines(folder.path(), name).iter().filter_map(read).collect()
    };
    assert_eq!(targets("access.log"), ['g']);
    assert_eq!(targets("access.log.1"), ['e', 'f']);
    assert_eq!(targets("access.log.2"), ['c', 'd']);
    assert!(!folder.path().join("access.log.3").exists());
}

#[test]
fn a_log_goes_on_where_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    for target in ["/a", "/b"] {
        writer(folder.path(), 0, 0).write(&record(target)).unwrap();
    }
    assert_eq!(lines(folder.path(), "access.log").len(), 2);
}

#[test]
fn what_was_recorded_is_on_disk_when_it_is_flushed_or_the_last_handle_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(folder.path());
    for _ in 0..5000 {
        log.clone().record(record("/a"));
    }
    assert_eq!(log.lost(), 0);
    log.flush();
    assert_eq!(lines(folder.path(), "access.log").len(), 5000);
    log.record(record("/a"));
    drop(log);
    assert_eq!(lines(folder.path(), "access.log").len(), 5001);
}

#[test]
fn a_file_that_cannot_be_moved_goes_on_growing() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("access.log.1")).unwrap();
    let mut writer = writer(folder.path(), length("/a"), 1);
    for target in ["/a", "/b", "/c"] {
        writer.write(&record(target)).unwrap();
    }
    drop(writer);
    assert_eq!(lines(folder.path(), "access.log").len(), 3);
}

#[test]
fn a_new_file_that_could_not_be_begun_costs_no_older_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = writer(folder.path(), length("/a"), 3);
    for target in ["/a", "/b"] {
        writer.write(&record(target)).unwrap();
    }
    writer.file.flush().unwrap();
    // As when the file was moved and its name then taken by nobody.
    fs::rename(folder.path().join("access.log"), folder.path().join("elsewhere")).unwrap();
    writer.write(&record("/c")).unwrap();
    drop(writer);
    let first = |name: &str| lines(folder.path(), name)[0].contains("\"/a\"");
    assert!(first("access.log.1"));
    assert!(lines(folder.path(), "access.log")[0].contains("\"/c\""));
}

#[cfg(unix)]
#[test]
fn what_a_link_leads_to_is_not_moved() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("target"), "").unwrap();
    std::os::unix::fs::symlink("target", folder.path().join("access.log")).unwrap();
    let mut writer = writer(folder.path(), 1, 3);
    for target in ["/a", "/b", "/c"] {
        writer.write(&record(target)).unwrap();
    }
    drop(writer);
    assert_eq!(lines(folder.path(), "target").len(), 3);
}

#[test]
fn a_file_that_was_moved_gets_what_came_before_and_a_new_one_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(folder.path());
    log.record(record("/a"));
    fs::rename(folder.path().join("access.log"), folder.path().join("moved")).unwrap();
    log.reopen();
    while !folder.path().join("access.log").exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    log.record(record("/b"));
    drop(log);
    assert_eq!(lines(folder.path(), "moved").len(), 1);
    assert!(lines(folder.path(), "access.log")[0].contains("\"/b\""));
}

#[test]
fn a_file_that_was_moved_or_emptied_is_followed_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = writer(folder.path(), 0, 0);
    writer.write(&record("/a")).unwrap();
    writer.file.flush().unwrap();
    let path = folder.path().join("access.log");
    File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
    writer.follow(false).unwrap();
    assert_eq!(writer.size, 0);
    fs::remove_file(&path).unwrap();
    writer.follow(false).unwrap();
    writer.write(&record("/b")).unwrap();
    drop(writer);
    assert_eq!(lines(folder.path(), "access.log").len(), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn lines_that_a_full_disk_does_not_take_are_counted() {
    let settings = AccessSettings { path: "/dev/full".into(), max_size: 1, keep: 1 };
    let mut writer = Writer::open(settings, Arc::default()).unwrap();
    let each = length("/a") as usize;
    for _ in 0..BUFFER / each + 3 {
        writer.take(&record("/a"));
    }
    assert_eq!(writer.shared.lost.load(Ordering::Relaxed), 3);
}

#[test]
fn a_file_that_cannot_be_opened_is_named() {
    let path = PathBuf::from("/nowhere/access.log");
    let settings = AccessSettings { path, max_size: 0, keep: 0 };
    let said = AccessLog::open(settings).unwrap_err().to_string();
    assert!(said.starts_with("access_log.path: /nowhere/access.log cannot be"), "{said}");
}
