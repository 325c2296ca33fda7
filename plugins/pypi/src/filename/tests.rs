//! Which release a file belongs to by its name.

use proptest::prelude::*;

use super::*;

fn of(project: &str, file: &str) -> Option<String> {
    version(project, file).ok()
}

#[test]
fn every_kind_of_file_is_attributed() {
    for (project, file, expected) in [
        ("numpy", "numpy-1.26.4-cp312-cp312-manylinux_2_17_x86_64.whl", "1.26.4"),
        ("demo", "demo-1.0-1a-py3-none-any.whl", "1.0"),
        ("zope-interface", "zope.interface-4.0-py3-none-any.whl", "4.0"),
        ("torch", "torch-2.0.0+cpu-cp311-cp311-linux_x86_64.whl", "2.0.0+cpu"),
        ("demo", "demo-1!2.0_post1-py3-none-any.whl", "1!2.0.post1"),
        ("demo", "demo-1.0_1-py3-none-any.whl", "1.0.post1"),
        ("foo-bar", "foo_bar-1.0.tar.gz", "1.0"),
        ("foo-bar", "Foo-Bar-1.0-RC1.zip", "1.0rc1"),
        ("foo-1", "foo-1-2.tar.bz2", "2"),
        ("pytz", "pytz-2004b.2.tar.gz", "2004b2"),
        ("demo", "demo-1.0.linux-x86_64.tar.gz", "1.0"),
        ("demo", "demo-1.0.macosx-10.6-intel.zip", "1.0"),
        ("setuptools", "setuptools-0.6b1-py2.3.egg", "0.6b1"),
        ("demo", "demo-1.0_1-py2.7-linux-x86_64.egg", "1.0.post1"),
        ("numpy", "numpy-1.0.1.dev3460.win32-py2.4.exe", "1.0.1.dev3460"),
        ("numpy", "numpy-1.5.1.win32-py2.5-nosse.exe", "1.5.1"),
        ("pandas", "pandas-0.10.0.win-amd64-py3.3.exe", "0.10.0"),
        ("numpy", "numpy-1.8.0-win32-superpack-python2.7.exe", "1.8.0"),
        ("demo", "demo-2.1.win32.msi", "2.1"),
        ("demo", "demo-1.0-py2.7-macosx10.6.dmg", "1.0"),
        ("setuptools", "setuptools-0.6c10-1.src.rpm", "0.6c10"),
        ("demo", "python-demo_1.2-1_all.deb", "1.2"),
    ] {
        let expected = weir_version::normalize(Scheme::Pep440, expected);
        assert_eq!(of(project, file), expected, "{file}");
    }
}

#[test]
fn what_belongs_to_no_version_of_the_project_is_odd() {
    for file in [
        "",
        "demo",
        "demo-1.0",
        "demo.whl",
        "demo-1.0.txt",
        "other-1.0.tar.gz",
        "demo2-1.0.zip",
        "demo-extra-1.0.tar.gz",
        "demo-1.0-extra.tar.gz",
        "demo-1.0-py3-none.whl",
        "demo-1.0-x1-py3-none-any.whl",
        "demo-1.0--none-any.whl",
        "demo-latest.zip",
        "demo-1.0.tar.gz.asc",
        "../demo-1.0.tar.gz",
        "demo-1.0%2f.tar.gz",
        "-demo-1.0.zip",
        "demo-1.0\u{e9}.zip",
        "demo-.zip",
        "demo-1.rpm",
        "demo_1.0.zip",
    ] {
        assert!(version("demo", file).is_err(), "{file}");
    }
    assert!(version("foo-bar", "foo-bar-1.0-py3-none-any.whl").is_err());
    assert!(version("demo", &format!("demo-{}.zip", "1.".repeat(200))).is_err());
}

#[test]
fn one_version_has_one_key() {
    for (left, right) in
        [("1.0", "1"), ("1!2.0.0", "1!2"), ("1.0rc1", "1rc1"), ("1.0.dev1", "1.dev1"), ("0.0", "0")]
    {
        assert_eq!(key(left), key(right));
    }
    assert_ne!(key("10"), key("1"));
    assert_ne!(key("1.0.post0"), key("1"));
}

fn versions() -> impl Strategy<Value = String> {
    let release = prop::collection::vec(0u16..2000, 1..4)
        .prop_map(|parts| parts.iter().map(u16::to_string).collect::<Vec<_>>().join("."));
    let epoch = prop_oneof![3 => Just(String::new()), 1 => (1u8..9).prop_map(|e| format!("{e}!"))];
    let tail = prop::sample::select(vec!["", "a1", "rc2", ".post3", ".dev4", "b1.post2.dev3"]);
    let local = prop::sample::select(vec!["", "+cpu", "+cu118.1"]);
    (epoch, release, tail, local).prop_map(|(e, r, t, l)| format!("{e}{r}{t}{l}"))
}

proptest! {
    #[test]
    fn the_version_in_a_name_comes_back(
        project in "[a-z][a-z0-9]{0,5}(-[a-z0-9]{1,4}){0,2}",
        version in versions(),
    ) {
        let expected = weir_version::normalize(Scheme::Pep440, &version);
        prop_assert!(expected.is_some());
        let wheel_name = project.replace('-', "_");
        let escaped = version.replace('-', "_");
        for file in [
            format!("{wheel_name}-{escaped}-py3-none-any.whl"),
            format!("{wheel_name}-{escaped}-1-cp311-abi3-win_amd64.whl"),
            format!("{wheel_name}-{version}.tar.gz"),
            format!("{project}-{version}.zip"),
            format!("{}-{version}.tar.bz2", project.to_uppercase().replace('-', ".")),
            format!("{wheel_name}-{escaped}-py2.7.egg"),
            format!("{project}-{version}.win32-py2.7.exe"),
            format!("{project}-{version}-1.noarch.rpm"),
        ] {
            prop_assert_eq!(of(&project, &file), expected.clone(), "{}", file);
        }
    }

    #[test]
    fn equal_versions_share_a_key(left in versions(), right in versions()) {
        let read = |text: &str| weir_version::normalize(Scheme::Pep440, text).unwrap();
        let equal = weir_version::compare(Scheme::Pep440, &left, &right).is_eq();
        prop_assert_eq!(key(&read(&left)) == key(&read(&right)), equal);
        let padded = left.split_once(['a', 'r', 'b', '+', '.']).map(|(head, _)| head.to_owned());
        if let Some(head) = padded.filter(|head| !head.is_empty()) {
            prop_assert_eq!(key(&read(&head)), key(&read(&format!("{head}.0.0"))));
        }
    }

    #[test]
    fn no_name_is_too_odd(project in "[a-z-]{1,9}", file in "\\PC{0,40}") {
        let _ = version(&project, &file);
        let _ = version(&project, &format!("{project}-{file}.whl"));
        let _ = version(&project, &format!("{project}-{file}.zip"));
    }
}
