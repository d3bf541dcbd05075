#!/usr/bin/python3
"""The include-direction check: every #include "lts/..." must be of the file's own module or of one that the
module's lts_module(... DEPS ...) names, every module must come after its DEPS, and third-party headers stay in the
modules that own them. Usage: layers.py SOURCE_ROOT | --self-test. Exit 1 and one line per violation."""
import pathlib
import re
import sys
import tempfile

# Third-party headers and the only modules (folders below lts/) that may include them; none in a public header.
OWNERS = {
    r"nlohmann/": {"base"},
    r"toml\+\+/": {"base"},
    r"sha1?\.h$": {"base"},
    r"sqlite3\.h": {"store"},
    r"hwy/": {"runtime/cpu"},
    r"(oneapi/dnnl/|dnnl)": {"runtime/cpu"},
    r"CLI/": {"cli"},
    r"utf8proc\.h": {"text"},
    r"(zlib|zstd|zstd_errors)\.h": {"data"},
    r"(onnx/|google/protobuf)": {"export"},
    r"(ATen/|c10/|torch/)": {"train/torch"},
}


def strip_comments(text):
    return re.sub(r"#.*", "", text)


def read_modules(root):
    """name -> (deps, order) from the lts_module() calls, in the order in which CMake meets them."""
    modules = {}

    def visit(folder):
        text = strip_comments((folder / "CMakeLists.txt").read_text())
        for match in re.finditer(r"add_subdirectory\(\s*(\S+?)\s*\)|lts_module\(([^)]*)\)", text):
            if match.group(1):
                child = folder / match.group(1)
                if (root / "lts") in child.parents or child == root / "lts":
                    visit(child)
            else:
                words = match.group(2).split()
                deps, keyword = [], None
                for word in words[1:]:
                    if word in ("SOURCES", "DEPS", "LIBS", "TESTS", "FUZZ", "BENCH"):
                        keyword = word
                    elif keyword == "DEPS":
                        deps.append(word)
                modules[words[0]] = (deps, len(modules))

    visit(root)
    return modules


def module_of(path, modules):
    """The longest module name that is a prefix of the path below lts/."""
    parts = path.split("/")[:-1]
    while parts:
        name = "/".join(parts)
        if name in modules:
            return name
        parts.pop()
    return None


def check(root):
    errors = []
    modules = read_modules(root)
    for name, (deps, order) in modules.items():
        for dep in deps:
            if dep not in modules:
                errors.append(f"lts_module({name}): unknown module {dep}")
            elif modules[dep][1] >= order:
                errors.append(f"lts_module({name}): {dep} is not a lower module")
    files = sorted(p for p in (root / "lts").rglob("*") if p.suffix in (".h", ".cc", ".cu"))
    for file in files:
        relative = file.relative_to(root / "lts").as_posix()
        own = module_of(relative, modules)
        if own is None and relative != "cli/main.cc":
            errors.append(f"lts/{relative}: belongs to no lts_module()")
            continue
        allowed = {own, *modules[own][0]}
        for number, line in enumerate(file.read_text().splitlines(), 1):
            include = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
            if not include:
                continue
            target = include.group(2)
            where = f"lts/{relative}:{number}"
            if target.startswith("lts/"):
                used = module_of(target[len("lts/"):], modules)
                if used not in allowed:
                    errors.append(f"{where}: {own} must not include {target} (module {used} is not in its DEPS)")
                continue
            for pattern, owners in OWNERS.items():
                if re.match(pattern, target):
                    if own not in owners:
                        errors.append(f"{where}: <{target}> belongs to {', '.join(sorted(owners))} alone")
                    elif not relative.endswith((".cc", ".cu", "-inl.h", "_test.h")):
                        errors.append(f"{where}: third-party <{target}> in a header")
    return errors, len(files)


def self_test():
    """The check must fail on an upward include, on a foreign third-party header and on an unknown module."""
    cases = {
        'upward': ('#include "lts/b/b.h"\n', '', "must not include"),
        'foreign': ('#include <sqlite3.h>\n', '', "belongs to store"),
        'clean': ('#include <vector>\n', '#include "lts/a/a.h"\n', None),
    }
    for name, (in_a, in_b, expected) in cases.items():
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "CMakeLists.txt").write_text("add_subdirectory(lts/a)\nadd_subdirectory(lts/b)\n")
            for module, text, deps in (("a", in_a, ""), ("b", in_b, "DEPS a")):
                (root / "lts" / module).mkdir(parents=True)
                (root / "lts" / module / "CMakeLists.txt").write_text(f"lts_module({module} SOURCES x.cc {deps})\n")
                (root / "lts" / module / f"{module}.h").write_text(text)
            errors, _ = check(root)
            if expected is None and errors:
                sys.exit(f"self-test {name}: unexpected {errors}")
            if expected is not None and not any(expected in e for e in errors):
                sys.exit(f"self-test {name}: not caught, got {errors}")
    print("layers self-test: violations are caught")


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        sys.exit(0)
    problems, count = check(pathlib.Path(sys.argv[1]).resolve())
    print("\n".join(problems))
    print(f"layers: {count} files checked, {len(problems)} violations")
    sys.exit(1 if problems else 0)
