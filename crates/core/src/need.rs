//! What a plugin still needs before it can read, write or locate.

use crate::{Digest, Link, Name, Target};

/// One missing thing. The pipeline gathers it, checks it and hands it over in
/// [`Docs`](crate::Docs) under this very value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Need {
    /// A document from upstream.
    Fetch(Fetch),
    /// Digest and size of another target *as this gateway serves it*: the one mechanism for
    /// indexes that name their children by hash.
    Rendered(Target),
    /// What earlier manifests of this mount said of a file.
    Known(Known),
    /// A signature by the gateway's key over another target as served. Plugins see no key.
    Signature {
        /// What is signed.
        of: Box<Target>,
        /// The signature scheme, in the plugin's word: `openpgp-detached`.
        scheme: &'static str,
    },
}

/// A question to the recorded facts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Known {
    /// Which releases listed a file with this digest?
    Digest(Digest),
    /// Which releases listed a file of this name?
    File(Box<str>),
    /// Every recorded step of this package that leads to content with this digest, from the
    /// version or digest that listed it upwards ([`Release::chain`](crate::Release::chain)).
    Above {
        /// The package.
        name: Name,
        /// The content.
        digest: Digest,
    },
    /// Every recorded step of a package.
    Package(Name),
}

/// A document to fetch.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fetch {
    /// Where it is.
    pub place: Place,
    /// How it is asked for.
    pub via: Via,
    /// The `Accept` header.
    pub accept: &'static str,
    /// How the resource itself is encoded (a `.gz` file); transfer encodings are not seen here.
    pub coding: Coding,
    /// The digest that a parent document promised for the bytes as fetched.
    pub expect: Option<Digest>,
    /// Never changes at this place: fetched once, kept for good.
    pub immutable: bool,
    /// May be absent: a 404 is [`Found::Absent`](crate::Found::Absent) instead of an error.
    pub optional: bool,
    /// Lists every release of the target's scope: what is not in it does not exist. First-seen
    /// dates come only from such documents.
    pub lists: bool,
}

impl Fetch {
    /// A GET of a path below the main origin, revalidated after its time to live.
    pub fn get(path: impl Into<Box<str>>) -> Self {
        Self::from(Place::primary(path))
    }

    /// A GET of a place.
    pub fn from(place: Place) -> Self {
        Self {
            place,
            via: Via::Get,
            accept: "*/*",
            coding: Coding::Identity,
            expect: None,
            immutable: false,
            optional: false,
            lists: false,
        }
    }

    /// Sets the `Accept` header.
    #[must_use]
    pub fn accept(mut self, accept: &'static str) -> Self {
        self.accept = accept;
        self
    }

    /// Marks the document as one that lists every release of its scope.
    #[must_use]
    pub fn listing(mut self) -> Self {
        self.lists = true;
        self
    }

    /// Marks the document as one that may be absent.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Marks the document as one that never changes.
    #[must_use]
    pub fn immutable(mut self) -> Self {
        self.immutable = true;
        self
    }

    /// Expects this digest.
    #[must_use]
    pub fn expecting(mut self, digest: Option<Digest>) -> Self {
        self.expect = digest;
        self
    }
}

/// How a document is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Via {
    /// GET
    Get,
    /// HEAD: only headers arrive, the body is empty.
    Head,
    /// POST of a JSON body; never cached, never retried after bytes were sent.
    Post(Box<[u8]>),
}

/// The encoding of a resource that is itself a compressed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// Plain.
    Identity,
    /// A gzip file.
    Gzip,
    /// A zstd file.
    Zstd,
}

/// Where something is: below an origin that the plugin declared, or at a link that a fetched
/// document holds. A plugin cannot name a host.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// A path (percent-encoded, without leading slash, maybe with a query) below a declared
    /// origin.
    Origin {
        /// The origin's id in the descriptor.
        origin: &'static str,
        /// The path.
        path: Box<str>,
    },
    /// A path below a declared origin, provided that the origin goes by this name: its host, with
    /// the port and the path where it has any. Under another name there is no such thing (404), so
    /// a name that a client chose leads nowhere else.
    Named {
        /// The origin's id in the descriptor.
        origin: &'static str,
        /// The name.
        name: Box<str>,
        /// The path.
        path: Box<str>,
    },
    /// A link from a document.
    Link(Link),
}

impl Place {
    /// A path below the origin `primary`.
    pub fn primary(path: impl Into<Box<str>>) -> Self {
        Self::Origin { origin: "primary", path: path.into() }
    }

    /// Whether the registry itself is there: no service beside it that knows of other registries'
    /// packages too.
    pub fn is_main(&self) -> bool {
        match self {
            Self::Origin { origin, .. } | Self::Named { origin, .. } => *origin == "primary",
            Self::Link(_) => true,
        }
    }
}
