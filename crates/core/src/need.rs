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
    /// The gathered documents say that there is no such thing: 404 with this clause.
    Nowhere(Box<str>),
    /// A target as this gateway last served it, before its own compression; absent when it has
    /// not been served yet.
    Served(Target),
    /// Bytes that this gateway served for some target under this SHA-256, while that version is
    /// one of the target's last three. Only targets that were [`Need::Rendered`] are kept.
    Past(Digest),
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
    /// Which documents that name others by hash ([`Fetch::root`]) are kept? Answered with their
    /// paths below the main origin in [`crate::Listed::file`], and nothing else.
    Roots,
}

/// A document to fetch.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent property of a document")]
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
    /// Names others by hash. Its last two earlier versions are kept, and a new version takes its
    /// place only when everything that was fetched by the old one's hashes is here by the new
    /// one's: a generation is swapped in one step.
    pub root: bool,
    /// The so many versions before the current one of a root; from the store only, absent when it
    /// is not there. 0 is the current one.
    pub past: u8,
    /// Another place of the same bytes, asked first (an address by hash).
    pub also: Option<Place>,
    /// Belongs to the document with this SHA-256 (a detached signature): kept under it.
    pub of: Option<Digest>,
    /// Kept, and handed to `write`, as fetched; the coding is taken off for `read` alone.
    pub verbatim: bool,
    /// Where upstream's signature over a root is. It is verified on mounts that sign anew what they
    /// edited, before the root takes the old one's place.
    pub signed: Option<Signed>,
}

/// Where the signature over a document is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Signed {
    /// In the document itself.
    Within,
    /// In a document beside it.
    Beside(Place),
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
            root: false,
            past: 0,
            also: None,
            of: None,
            verbatim: false,
            signed: None,
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

    /// Marks the document as one that names others by hash.
    #[must_use]
    pub fn root(mut self) -> Self {
        self.root = true;
        self
    }

    /// Says where the signature over it is.
    #[must_use]
    pub fn signed(mut self, signed: Signed) -> Self {
        self.signed = Some(signed);
        self
    }

    /// The so many versions before the current one.
    #[must_use]
    pub fn past(mut self, versions: u8) -> Self {
        self.past = versions;
        self
    }

    /// Tries this place of the same bytes first.
    #[must_use]
    pub fn also(mut self, place: Option<Place>) -> Self {
        self.also = place;
        self
    }

    /// Ties the document to the one with this SHA-256.
    #[must_use]
    pub fn of(mut self, digest: Digest) -> Self {
        self.of = Some(digest);
        self
    }

    /// Keeps the bytes as fetched.
    #[must_use]
    pub fn verbatim(mut self) -> Self {
        self.verbatim = true;
        self
    }

    /// Sets the coding of the resource itself.
    #[must_use]
    pub fn coded(mut self, coding: Coding) -> Self {
        self.coding = coding;
        self
    }

    /// Expects this digest. Such a document is kept under it, with the two versions before.
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
    /// An xz file.
    Xz,
}

impl Coding {
    const ALL: [Self; 4] = [Self::Identity, Self::Gzip, Self::Zstd, Self::Xz];

    /// Its name: `identity`, `gzip`, `zstd` or `xz`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Xz => "xz",
        }
    }

    /// The coding of this name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|coding| coding.name().eq_ignore_ascii_case(name))
    }
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
