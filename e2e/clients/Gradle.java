// Gradle's engine for dependencies without its command line: fetches one module and what it needs
// into a folder. The tests have it from the Maven repository, where Gradle itself is not.
//
// java -cp CLASSPATH Gradle.java REPOSITORY GROUP:ARTIFACT:VERSION FOLDER GRADLE_USER_HOME
//
// It reads gradle/verification-metadata.xml of the working folder, as Gradle does.

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.concurrent.TimeUnit;
import org.gradle.api.Project;
import org.gradle.api.artifacts.Configuration;
import org.gradle.testfixtures.ProjectBuilder;
import org.gradle.util.GradleVersion;

public class Gradle {
    public static void main(String[] arguments) throws Exception {
        if (arguments[0].equals("--version")) {
            System.out.println("Gradle " + GradleVersion.current().getVersion());
            return;
        }
        int code = 0;
        try {
            fetch(arguments);
        } catch (RuntimeException failure) {
            for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
                System.err.println(cause.getMessage());
            }
            code = 1;
        }
        // Gradle's threads would go on.
        System.exit(code);
    }

    private static void fetch(String[] arguments) throws Exception {
        Project project = ProjectBuilder.builder()
            .withProjectDir(new File("").getAbsoluteFile())
            .withGradleUserHomeDir(new File(arguments[3]))
            .build();
        project.getRepositories().maven(repository -> {
            repository.setUrl(arguments[0]);
            repository.setAllowInsecureProtocol(true);
        });
        Configuration needed = project.getConfigurations()
            .detachedConfiguration(project.getDependencies().create(arguments[1]));
        // Snapshots are asked for each time.
        needed.getResolutionStrategy().cacheChangingModulesFor(0, TimeUnit.SECONDS);
        Path folder = Path.of(arguments[2]);
        Files.createDirectories(folder);
        for (File file : needed.resolve()) {
            Path copy = folder.resolve(file.getName());
            Files.copy(file.toPath(), copy, StandardCopyOption.REPLACE_EXISTING);
        }
    }
}
