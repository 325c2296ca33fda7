//! The collector of traces and metrics.

use weir_config::{Format, OtlpProtocol, check};

use crate::{read, refusal, toml};

#[test]
fn the_standard_variables_are_read_and_the_file_says_the_rest() {
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.example:4317"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_SERVICE_NAME", "weir-eu"),
    ];
    let config = read("[otlp]\npropagate = true", Format::Toml, &variables).unwrap().config;
    assert_eq!(config.otlp.endpoint.as_ref().unwrap().port(), Some(4317));
    assert_eq!((config.otlp.protocol, config.otlp.propagate), (OtlpProtocol::Grpc, true));
    assert_eq!(config.otlp.service_name, "weir-eu");
    let plain = toml("").unwrap().config.otlp;
    assert_eq!((plain.protocol, plain.propagate), (OtlpProtocol::Http, false));
}

#[test]
fn a_protocol_that_is_not_spoken_is_refused() {
    insta::assert_snapshot!(refusal("[otlp]\nprotocol = \"http/json\""), @r#"weir.toml:2: otlp.protocol: found "http/json", expected http/protobuf or grpc; for example: protocol = "grpc""#);
}

#[test]
fn a_port_of_the_other_protocol_is_warned_about() {
    let warned = |port: u16, protocol: &str| {
        let text = format!(
            "[otlp]\nendpoint = \"http://collector.example:{port}\"\nprotocol = \"{protocol}\""
        );
        let warnings = check(&toml(&text).unwrap().config);
        warnings.iter().any(|warning| warning.key == "otlp.endpoint")
    };
    assert!(warned(4317, "http/protobuf") && warned(4318, "grpc"));
    assert!(!warned(4318, "http/protobuf") && !warned(4317, "grpc") && !warned(443, "grpc"));
}
