"""Sends what Poetry asks of the registry to the gateway, for one run.

Poetry takes its sources from pyproject.toml alone, and has the public index's address built in.
"""

from poetry.plugins.plugin import Plugin

from weir_run_settings import INDEX, REGISTRIES


class Through(Plugin):
    def activate(self, poetry, io):
        try:
            point(poetry)
        except Exception as error:
            io.write_error_line(f"weir: this Poetry asks past the gateway: {error!r}")


def point(poetry):
    from poetry.repositories.legacy_repository import LegacyRepository
    from poetry.repositories.pypi_repository import PyPiRepository

    class Mounted(LegacyRepository):
        """The gateway's index under another repository's name; packages say that they are from there."""

        def __init__(self, name, source):
            # What Poetry remembers of a repository lies below its name: a name of its own.
            super().__init__(f"weir-{name}", INDEX, config=poetry.config)
            self._name = name
            self._source = source

        def told(self, package):
            package._source_type, package._source_url, package._source_reference = self._source
            return package

        def package(self, *arguments, **named):
            return self.told(super().package(*arguments, **named))

        def find_packages(self, dependency):
            return [self.told(package) for package in super().find_packages(dependency)]

    def mounted(repository):
        if isinstance(repository, PyPiRepository):
            return Mounted(repository.name, (None, None, None))
        if type(repository) is LegacyRepository and repository.url.rstrip("/") in REGISTRIES:
            return Mounted(repository.name, ("legacy", repository.url, repository.name))
        return repository

    pool = poetry.pool
    known = [(one, pool.get_priority(one.name)) for one in pool.all_repositories]
    for repository, _ in known:
        pool.remove_repository(repository.name)
    for repository, priority in known:
        pool.add_repository(mounted(repository), priority=priority)
