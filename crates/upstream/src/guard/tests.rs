//! Which addresses may be connected to.

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn special_addresses_are_known_in_every_disguise() {
    let table = [
        ("127.0.0.1", "loopback"),
        ("127.255.0.9", "loopback"),
        ("10.1.2.3", "private"),
        ("172.16.0.1", "private"),
        ("172.31.255.255", "private"),
        ("192.168.1.1", "private"),
        ("169.254.169.254", "link-local"),
        ("100.64.0.1", "carrier-grade NAT"),
        ("100.100.100.200", "carrier-grade NAT"),
        ("0.0.0.0", "unspecified"),
        ("0.1.2.3", "unspecified"),
        ("192.0.0.192", "protocol assignment"),
        ("168.63.129.16", "cloud platform"),
        ("224.0.0.1", "multicast"),
        ("255.255.255.255", "broadcast"),
        ("250.0.0.1", "reserved"),
        ("::1", "loopback"),
        ("::", "unspecified"),
        ("fe80::1", "link-local"),
        ("fec0::1", "site-local"),
        ("fd00:ec2::254", "unique local"),
        ("fc00::1", "unique local"),
        ("ff02::1", "multicast"),
        ("::ffff:127.0.0.1", "loopback"),
        ("::ffff:10.0.0.1", "private"),
        ("::ffff:0:10.0.0.1", "private"),
        ("::169.254.169.254", "link-local"),
        ("64:ff9b::10.0.0.1", "private"),
        ("64:ff9b:1::1", "local NAT64"),
        ("2002:7f00:1::", "loopback"),
        ("2002:c0a8:101::1", "private"),
        ("2001:0:4136:e378:8000:63bf:f5ff:fffe", "private"),
        ("2600::200:5efe:10.0.0.1", "private"),
    ];
    for (address, expected) in table {
        assert_eq!(class(ip(address)), Some(expected), "{address}");
    }
}

#[test]
fn public_addresses_are_public() {
    for address in [
        "1.1.1.1",
        "11.0.0.1",
        "172.15.0.1",
        "172.32.0.1",
        "192.167.0.1",
        "100.63.0.1",
        "100.128.0.1",
        "192.0.1.1",
        "203.0.113.80",
        "2606:4700::1111",
        "64:ff9b::1.1.1.1",
        "2002:101:101::1",
        "::ffff:1.1.1.1",
    ] {
        assert_eq!(class(ip(address)), None, "{address}");
    }
}

fn guard(hosts: &[(&str, &[&str])]) -> Guard {
    let entry = |(host, ips): &(&str, &[&str])| {
        ((*host).to_owned(), ips.iter().map(|text| ip(text)).collect())
    };
    Guard::new(hosts.iter().map(entry).collect())
}

#[tokio::test]
async fn a_name_with_a_private_address_is_refused() {
    let guard = guard(&[("evil.example", &["10.0.0.7"])]);
    let error = guard.addresses("evil.example").await.unwrap_err();
    insta::assert_snapshot!(error, @"expected a public address for evil.example, found 10.0.0.7 (private); naming the host in the configuration allows it");
}

#[tokio::test]
async fn only_the_public_addresses_of_a_mixed_answer_are_used() {
    let guard = guard(&[("mixed.example", &["127.0.0.1", "198.51.100.1"])]);
    assert_eq!(guard.addresses("mixed.example").await.unwrap(), [ip("198.51.100.1")]);
}

#[tokio::test]
async fn a_written_host_may_be_private_and_so_may_hosts_at_the_same_address() {
    let guard = guard(&[
        ("mirror.example", &["10.0.0.5"]),
        ("files.example", &["10.0.0.5"]),
        ("evil.example", &["10.0.0.6"]),
    ]);
    assert!(guard.addresses("files.example").await.is_err(), "nobody wrote the mirror yet");
    guard.trust("mirror.example");
    assert_eq!(guard.addresses("mirror.example").await.unwrap(), [ip("10.0.0.5")]);
    assert_eq!(guard.addresses("files.example").await.unwrap(), [ip("10.0.0.5")]);
    assert!(guard.addresses("evil.example").await.is_err());
}

#[tokio::test]
async fn a_written_host_need_not_have_been_asked_before() {
    let guard = guard(&[("mirror.example", &["10.0.0.5"]), ("files.example", &["10.0.0.5"])]);
    guard.trust("mirror.example");
    assert!(guard.addresses("files.example").await.is_ok());
    assert!(guard.literal(ip("10.0.0.5")).await.is_ok());
    assert!(guard.literal(ip("10.0.0.6")).await.is_err());
}

#[tokio::test]
async fn an_answer_that_changes_is_judged_anew() {
    // Rebinding: what was public a moment ago is judged by what it is now.
    let guard = guard(&[]);
    assert!(guard.admit("turn.example", vec![ip("1.1.1.1")]).await.is_ok());
    assert!(guard.admit("turn.example", vec![ip("127.0.0.1")]).await.is_err());
}

#[test]
fn one_host_has_one_spelling() {
    assert_eq!(host_key("Files.Example."), "files.example");
    assert_eq!(host_key("[::1]"), "::1");
}
