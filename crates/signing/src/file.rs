//! The key's file.

use std::fs::DirBuilder;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use pgp::composed::{Deserializable as _, SignedSecretKey};

use crate::{Error, SigningKey};

impl SigningKey {
    /// Reads the key's file and tries the key out.
    ///
    /// A file that others than its owner may read is said in the log.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read(path).map_err(|source| match source.kind() {
            ErrorKind::NotFound => Error::Missing(path.to_owned()),
            _ => Error::io("read", path, source),
        })?;
        let unusable = |error: pgp::errors::Error| Error::unusable(path, error.to_string());
        let (mut keys, _) = SignedSecretKey::from_armor_many(&text[..]).map_err(unusable)?;
        let key = keys.next().ok_or_else(|| Error::unusable(path, "it is empty"))?;
        let key = key.map_err(unusable)?;
        if keys.next().is_some() {
            return Err(Error::unusable(path, "it holds more than one key"));
        }
        warn_if_exposed(path);
        Self::from_packets(key).map_err(|reason| Error::unusable(path, reason))
    }

    /// Writes the key to a new file that its owner alone can read, whole or not at all.
    ///
    /// # Errors
    /// Fails where there is a file already.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        create(folder).map_err(|source| Error::io("create", folder, source))?;
        // Made with the mode 0600.
        let mut file = tempfile::NamedTempFile::new_in(folder)
            .map_err(|source| Error::io("write to", folder, source))?;
        let written =
            file.write_all(&self.secret_armored()?).and_then(|()| file.as_file().sync_all());
        written.map_err(|source| Error::io("write to", folder, source))?;
        file.persist_noclobber(path).map(drop).map_err(|failed| match failed.error.kind() {
            ErrorKind::AlreadyExists => Error::Exists(path.to_owned()),
            _ => Error::io("create", path, failed.error),
        })
    }
}

/// Makes the folder, for its owner alone where the system knows such a thing.
fn create(folder: &Path) -> std::io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Files that an orchestrator mounts are often readable by all within their container, so this is
/// no error.
fn warn_if_exposed(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(path).map_or(0, |file| file.permissions().mode());
        if mode & 0o077 != 0 {
            let file = path.display();
            tracing::warn!(%file, "others can read the signing key; `chmod 600` it");
        }
    }
    #[cfg(not(unix))]
    let _ = path;
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use weir_core::Timestamp;

    use super::*;
    use crate::Kind;

    fn key() -> SigningKey {
        SigningKey::generate(Kind::Ed25519, "Weir", Timestamp::from_secs(1_767_323_045)).unwrap()
    }

    fn written(folder: &tempfile::TempDir, text: &[u8]) -> PathBuf {
        let path = folder.path().join("key.asc");
        std::fs::write(&path, text).unwrap();
        path
    }

    #[test]
    fn a_key_that_was_saved_is_the_same_when_it_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/signing.asc");
        let key = key();
        key.save(&path).unwrap();
        let loaded = SigningKey::load(&path).unwrap();
        assert_eq!(loaded.fingerprint(), key.fingerprint());
        let at = Timestamp::from_secs(1_770_000_000);
        assert_eq!(loaded.detached(b"text", at).unwrap(), key.detached(b"text", at).unwrap());
    }

    #[cfg(unix)]
    #[test]
    fn the_file_and_its_folder_are_for_their_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/signing.asc");
        key().save(&path).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    }

    #[test]
    fn a_key_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(&folder, b"the key that clients trust");
        let refused = key().save(&path).unwrap_err();
        assert!(matches!(refused, Error::Exists(_)), "{refused}");
        assert!(refused.to_string().starts_with(&path.display().to_string()), "{refused}");
        assert_eq!(std::fs::read(&path).unwrap(), b"the key that clients trust");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_missing_key_says_how_to_make_one() {
        let said = SigningKey::load(Path::new("/nowhere/signing.asc")).unwrap_err().to_string();
        assert_eq!(
            said,
            "no signing key at /nowhere/signing.asc: make one with `weir keys init`, \
             or set keys.path to the file of one"
        );
    }

    #[test]
    fn what_is_no_secret_key_is_refused_with_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (key(), key());
        let secret = one.secret_armored().unwrap();
        let both = [&secret[..], &other.secret_armored().unwrap()].concat();
        let mut damaged = secret.clone();
        damaged[secret.len() / 2] ^= 1;
        for text in [
            Vec::new(),
            b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n".to_vec(),
            one.public_armored().unwrap(),
            secret[..secret.len() / 2].to_vec(),
            damaged,
        ] {
            let path = written(&folder, &text);
            let refused = SigningKey::load(&path).unwrap_err();
            assert!(matches!(refused, Error::Unusable { .. }), "{refused}");
            assert!(refused.to_string().contains(&path.display().to_string()), "{refused}");
        }
        // Two armored blocks are one key and something behind it, which is not looked at.
        let path = written(&folder, &both);
        assert_eq!(SigningKey::load(&path).unwrap().fingerprint(), one.fingerprint());
    }

    #[test]
    fn a_key_with_a_passphrase_or_of_a_version_that_gnupg_cannot_read_is_refused() {
        use pgp::composed::{ArmorOptions, KeyType, SecretKeyParamsBuilder};
        use pgp::types::KeyVersion;
        let folder = tempfile::tempdir().unwrap();
        let made = |change: &dyn Fn(&mut SecretKeyParamsBuilder)| {
            let mut params = SecretKeyParamsBuilder::default();
            params.key_type(KeyType::Ed25519Legacy).can_sign(true).can_certify(true);
            params.primary_user_id("Weir".to_owned());
            change(&mut params);
            let key = params.build().unwrap().generate(rand::rngs::OsRng).unwrap();
            let path = written(&folder, &key.to_armored_bytes(ArmorOptions::default()).unwrap());
            SigningKey::load(&path).map(drop).map_err(|error| error.to_string())
        };
        let refusal = |change: &dyn Fn(&mut SecretKeyParamsBuilder)| made(change).unwrap_err();
        assert_eq!(made(&|_| ()), Ok(()));
        let locked = refusal(&|key| {
            key.passphrase(Some("secret".to_owned()));
        });
        assert!(locked.contains("it is protected by a passphrase"), "{locked}");
        let new = refusal(&|key| {
            key.version(KeyVersion::V6).key_type(KeyType::Ed25519);
        });
        assert!(new.contains("it is a key of the version"), "{new}");
        let other = refusal(&|key| {
            key.can_sign(false);
        });
        assert!(other.contains("its primary key is not meant for signing"), "{other}");
    }
}
