//! The plugin's constants.

use weir_core::{Algorithm, Descriptor, Merge, OriginSpec, Scheme, Setup};

use crate::{join, route, views};

const SETTINGS: &str = "\
<settings>
  <mirrors>
    <mirror>
      <id>weir</id>
      <mirrorOf>*</mirrorOf>
      <url>{base}/</url>
    </mirror>
  </mirrors>
</settings>
";

/// Replaces the repositories of builds and their plugins. Gradle 4 knows neither
/// `allowInsecureProtocol` nor `beforeSettings`.
const INIT_SCRIPT: &str = "\
def weir = { repositories ->
    repositories.all { repository ->
        if (repository instanceof MavenArtifactRepository && repository.name != 'weir' &&
            repository.url.scheme != 'file') {
            repositories.remove(repository)
        }
    }
    repositories.maven {
        name = 'weir'
        url = '{base}/'
        if (it.metaClass.respondsTo(it, 'setAllowInsecureProtocol')) {
            allowInsecureProtocol = true
        }
    }
}
allprojects {
    buildscript { weir(repositories) }
    weir(repositories)
}
settingsEvaluated { settings ->
    weir(settings.pluginManagement.repositories)
}
";

pub(crate) static DESCRIPTOR: Descriptor = Descriptor {
    id: "maven",
    aliases: &[],
    purl_type: "maven",
    mount: "maven",
    folder: "maven",
    origins: &[OriginSpec {
        id: "primary",
        title: "the Maven repository",
        beside: None,
        through: None,
    }],
    scheme: Scheme::Maven,
    marks: false,
    signed: false,
    records_files: false,
    listing: views::METADATA,
    refuse_empty: true,
    accepts: &["*/*"],
    lost_prefix: None,
    // Maven 3.9 and later read the first two, and leave out the request for the checksum file.
    checksum_headers: &[
        (Algorithm::Sha1, "x-checksum-sha1"),
        (Algorithm::Md5, "x-checksum-md5"),
        (Algorithm::Sha256, "x-checksum-sha256"),
        (Algorithm::Sha512, "x-checksum-sha512"),
    ],
    changing: Some(route::changes),
    merge: Some(Merge { joins: join::joins, join: join::join }),
    content: None,
    setup: Setup {
        variables: &[],
        files: &[("~/.m2/settings.xml", SETTINGS), ("~/.gradle/init.d/weir.gradle", INIT_SCRIPT)],
        folder: None,
        note: "The mirror must be of `*`: Maven asks the next repository after a refusal. Repositories \
               of several kinds belong into one group of the gateway. Credentials belong to the \
               gateway's upstream. Maven 3.8.1 and later refuse plain http to other hosts than this \
               one; Gradle 7 and later want https or the init script's permission.",
    },
};
