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

/// Gives the repositories of builds and of their plugins the gateway's address. The first line says
/// what an address becomes (`weir run` has one of its own), `null` leaves it. Gradle 4 has neither
/// `allowInsecureProtocol` nor repositories of settings.
const INIT_SCRIPT: &str = "\
def gateway = { address -> '{base}/' }
def redirect = { repositories ->
    repositories.all { repository ->
        if (!(repository instanceof MavenArtifactRepository) || repository.url.scheme == 'file') {
            return
        }
        def address = gateway(repository.url.toString())
        if (address == null) {
            logger.lifecycle('weir: ' + repository.url + ' is asked past the gateway')
        } else if (address != repository.url.toString()) {
            repository.url = address
            if (repository.metaClass.respondsTo(repository, 'setAllowInsecureProtocol')) {
                repository.allowInsecureProtocol = true
            }
        }
    }
}
allprojects {
    redirect(buildscript.repositories)
    redirect(repositories)
}
settingsEvaluated { settings ->
    def plugins = settings.pluginManagement.repositories
    if (plugins.empty) {
        plugins.gradlePluginPortal()
    }
    redirect(plugins)
    if (settings.metaClass.respondsTo(settings, 'getDependencyResolutionManagement')) {
        redirect(settings.dependencyResolutionManagement.repositories)
    }
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
        // Where Maven's wrapper has the distribution from.
        variables: &[("MVNW_REPOURL", "{base}")],
        files: &[("~/.m2/settings.xml", SETTINGS), ("~/.gradle/init.d/weir.gradle", INIT_SCRIPT)],
        moves: &[("GRADLE_USER_HOME", "~/.gradle")],
        folder: None,
        note: "The mirror must be of `*`: Maven asks the next repository after a refusal. Repositories \
               of several kinds belong into one group of the gateway. Credentials belong to the \
               gateway's upstream. Maven 3.8.1 and later refuse plain http to other hosts than this \
               one; Gradle 7 and later want https or the init script's permission.",
    },
};
