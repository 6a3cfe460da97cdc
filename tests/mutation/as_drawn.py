"""A plugin of pytest for mutants: the first example that fails ends a property, which looks for no smaller one."""

from hypothesis import Phase, settings

settings.register_profile("as drawn", phases=(Phase.explicit, Phase.generate))
settings.load_profile("as drawn")
