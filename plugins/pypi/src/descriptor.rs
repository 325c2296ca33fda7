//! The plugin's constants.

use weir_core::{Descriptor, OriginSpec, Scheme, Setup};

use crate::route;

/// The origin of the legacy JSON API.
pub(crate) const API: &str = "api";

pub(crate) static DESCRIPTOR: Descriptor = Descriptor {
    id: "pypi",
    aliases: &[],
    purl_type: "pypi",
    mount: "pypi",
    folder: "pypi",
    origins: &[
        OriginSpec {
            id: "primary",
            title: "the Python package index: the address of its simple API, what pip calls \
                    index-url (it usually ends in /simple)",
            beside: None,
            through: None,
        },
        OriginSpec {
            id: API,
            title: "the Python package index's legacy JSON API; without an address of its own, \
                    the primary one with its trailing /simple replaced by /pypi",
            beside: Some(("/simple", "/pypi")),
            through: None,
        },
    ],
    scheme: Scheme::Pep440,
    marks: true,
    signed: false,
    records_files: false,
    listing: route::VIEW_JSON,
    refuse_empty: false,
    accepts: &["application/vnd.pypi.simple.v1+json", "text/html"],
    lost_prefix: None,
    checksum_headers: &[],
    changing: None,
    merge: None,
    content: None,
    setup: Setup {
        variables: &[
            ("PIP_INDEX_URL", "{base}/simple/"),
            ("UV_DEFAULT_INDEX", "{base}/simple/"),
            // uv before 0.4.23 knows only this one; later ones prefer the one above.
            ("UV_INDEX_URL", "{base}/simple/"),
            ("PDM_PYPI_URL", "{base}/simple/"),
            ("PIPENV_PYPI_MIRROR", "{base}/simple/"),
        ],
        files: &[
            ("~/.config/pip/pip.conf", "[global]\nindex-url = {base}/simple/\n"),
            ("~/.config/uv/uv.toml", "[[index]]\nurl = \"{base}/simple/\"\ndefault = true\n"),
        ],
        moves: &[],
        folder: None,
        note: "Poetry takes its sources from pyproject.toml only: run `poetry source add \
               --priority=primary weir {base}/simple/`. pip trusts plain http on loopback \
               addresses only; for another host add `trusted-host = {host}` to pip.conf. Further \
               indexes (extra-index-url, find-links) bypass the gateway: remove them.",
    },
};
