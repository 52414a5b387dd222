//! What manifests of all forms name.

use super::super::super::{Summary, Why, tests::layers};
use super::pointer;

fn read_with(text: &str) -> (Vec<String>, Summary) {
    let (layers, summary) = layers(text.as_bytes());
    let layer = layers
        .into_iter()
        .find(|(way, _)| way.starts_with("manifest"));
    let text = layer.map(|(_, text)| String::from_utf8(text).unwrap());
    let lines = text
        .unwrap_or_default()
        .lines()
        .map(str::to_owned)
        .collect();
    (lines, summary)
}

#[track_caller]
fn assert_names(text: &str, expected: &[&str]) {
    let (read, summary) = read_with(text);
    assert_eq!(read, expected);
    assert_eq!(summary.unread, []);
}

#[test]
fn manifests_of_npm() {
    assert_names(
        r#"{"name": "@acme/app", "license": "MIT", "dependencies": {"@acme/core": "^1", "left-pad": "1"}, "publishConfig": {"registry": "https://npm.acme.example"}}"#,
        &[
            "package: @acme/app",
            "license: MIT",
            "package: @acme/core",
            "package: left-pad",
            "registry: https://npm.acme.example",
        ],
    );
    assert_names(
        r#"{"lockfileVersion": 3, "packages": {"": {"name": "app"}, "node_modules/a/node_modules/@acme\/x": {"version": "1.0.0", "resolved": "https://npm.acme.example/x.tgz", "license": "GPL-3.0-only"}}}"#,
        &[
            "package: app",
            "package: @acme/x",
            "registry: https://npm.acme.example/x.tgz",
            "dependency-license: GPL-3.0-only",
        ],
    );
    assert_names(
        "# yarn lockfile v1\n\n\"@acme/x@^1.0.0\", \"@acme/x@^1.2.0\":\n  version \"1.2.0\"\n  resolved \"https://npm.acme.example/x.tgz#abc\"\nleft-pad@^1:\n  version \"1\"\n",
        &[
            "package: @acme/x",
            "package: @acme/x",
            "registry: https://npm.acme.example/x.tgz#abc",
            "package: left-pad",
        ],
    );
    let (pnpm, _) = read_with(
        "lockfileVersion: '9.0'\n\npackages:\n\n  '@acme/x@1.0.0':\n    resolution: {integrity: sha512-x, tarball: https://npm.acme.example/x.tgz}\n\n  /old/1.0.0:\n",
    );
    assert!(pnpm.contains(&"package: @acme/x".to_owned()), "{pnpm:?}");
    assert!(
        pnpm.iter()
            .any(|line| line.starts_with("registry: https://npm.acme.example/x.tgz")),
        "{pnpm:?}"
    );
}

#[test]
fn manifests_of_rust_and_python() {
    assert_names(
        "[package]\nname = \"acme-app\"\nlicense = \"Apache-2.0 OR MIT\"\n\n[dependencies]\nserde = \"1\"\nacme-core = { version = \"1\", registry = \"acme\" }\n\n[dependencies.acme-more]\nversion = \"2\"\n",
        &[
            "package: acme-app",
            "license: Apache-2.0 OR MIT",
            "package: serde",
            "package: acme-core",
            "registry: acme",
            "package: acme-more",
        ],
    );
    assert_names(
        "# made by cargo\nversion = 4\n\n[[package]]\nname = \"acme-core\"\nversion = \"1.0.0\"\nsource = \"registry+https://crates.acme.example/index\"\ndependencies = [\n \"serde\",\n]\n",
        &[
            "package: acme-core",
            "registry: registry+https://crates.acme.example/index",
            "package: serde",
        ],
    );
    assert_names(
        "[project]\nname = \"app\"\ndependencies = [\n  \"acme-core>=1.0\",\n  \"requests[socks]\",\n]\n\n[[tool.uv.index]]\nurl = \"https://pypi.acme.example/simple\"\n",
        &[
            "package: app",
            "package: acme-core",
            "package: requests",
            "registry: https://pypi.acme.example/simple",
        ],
    );
    assert_names(
        "--index-url https://pypi.acme.example/simple\n# ours\nacme-core==1.2\nrequests[socks]>=2 ; python_version > '3'\n",
        &[
            "registry: https://pypi.acme.example/simple",
            "package: acme-core",
            "package: requests",
        ],
    );
    assert_names(
        "{\"_meta\": {\"hash\": {}, \"pipfile-spec\": 6, \"sources\": [{\"name\": \"ours\", \"url\": \"https://pypi.acme.example\"}]}, \"default\": {\"acme-core\": {\"version\": \"==1\"}}}",
        &[
            "package: ours",
            "registry: https://pypi.acme.example",
            "package: acme-core",
        ],
    );
}

#[test]
fn manifests_of_go_java_net_php_and_ruby() {
    assert_names(
        "module git.acme.example/app\n\ngo 1.22\n\nrequire (\n\tgit.acme.example/core v1.0.0\n\tgithub.com/x/y v2.0.0 // indirect\n)\n",
        &[
            "package: git.acme.example/app",
            "package: git.acme.example/core",
            "package: github.com/x/y",
        ],
    );
    assert_names(
        "git.acme.example/core v1.0.0 h1:abc=\ngithub.com/x/y v2.0.0/go.mod h1:def=\n",
        &["package: git.acme.example/core", "package: github.com/x/y"],
    );
    let (pom, _) = read_with(
        "<?xml version=\"1.0\"?><project xmlns=\"http://maven.apache.org/POM/4.0.0\"><dependencies><dependency><groupId>com.acme</groupId><artifactId>core</artifactId></dependency></dependencies><repositories><repository><url>https://maven.acme.example</url></repository></repositories><licenses><license><name>Proprietary</name></license></licenses></project>",
    );
    assert_eq!(
        pom,
        [
            "package: com.acme",
            "package: core",
            "registry: https://maven.acme.example",
            "license: Proprietary"
        ]
    );
    assert_names(
        "# This is a Gradle generated file for dependency locking.\ncom.acme:core:1.0=compileClasspath\nempty=\n",
        &["package: com.acme:core", "package: empty"],
    );
    assert_names(
        "repositories {\n  maven {\n    url 'https://maven.acme.example'\n  }\n}\ndependencies {\n  implementation 'com.acme:core:1.0'\n}\n",
        &[
            "registry: https://maven.acme.example",
            "package: com.acme:core",
        ],
    );
    let (project, _) = read_with(
        "<Project Sdk=\"x\"><ItemGroup><PackageReference Include=\"Acme.Core\" Version=\"1\" /></ItemGroup></Project>",
    );
    assert_eq!(project, ["package: Acme.Core"]);
    assert_names(
        r#"{"version": 1, "dependencies": {"net8.0": {"Acme.Core": {"type": "Direct"}}}}"#,
        &["package: net8.0", "package: Acme.Core"],
    );
    assert_names(
        r#"{"name": "acme/app", "require": {"acme/core": "^1"}, "license": ["MIT", "proprietary"], "repositories": [{"type": "composer", "url": "https://php.acme.example"}]}"#,
        &[
            "package: acme/app",
            "package: acme/core",
            "license: MIT",
            "license: proprietary",
            "registry: https://php.acme.example",
        ],
    );
    assert_names(
        "GEM\n  remote: https://gems.acme.example/\n  specs:\n    acme-core (1.0)\n      rake (>= 1)\n\nDEPENDENCIES\n  acme-core\n",
        &[
            "registry: https://gems.acme.example/",
            "package: acme-core",
            "package: rake",
            "package: acme-core",
        ],
    );
    assert_names(
        "source 'https://gems.acme.example'\n\ngem 'acme-core', '~> 1'\n",
        &["registry: https://gems.acme.example", "package: acme-core"],
    );
}

#[test]
fn bills_of_materials() {
    assert_names(
        r#"{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"type": "library", "group": "com.acme", "name": "core", "purl": "pkg:npm/%40acme/x@1.0?a=b", "licenses": [{"license": {"id": "GPL-2.0-only"}}, {"expression": "MIT OR BSD-3-Clause"}]}]}"#,
        &[
            "package: com.acme",
            "package: core",
            "package: @acme/x",
            "dependency-license: GPL-2.0-only",
            "dependency-license: MIT OR BSD-3-Clause",
        ],
    );
    let (xml, _) = read_with(
        "<?xml version=\"1.0\"?><bom xmlns=\"http://cyclonedx.org/schema/bom/1.5\"><components><component type=\"library\"><group>com.acme</group><name>core</name><licenses><license><id>GPL-2.0-only</id></license><expression>MIT</expression></licenses><purl>pkg:maven/com.acme/core@1</purl></component></components></bom>",
    );
    assert_eq!(
        xml,
        [
            "package: com.acme",
            "package: core",
            "dependency-license: GPL-2.0-only",
            "dependency-license: MIT",
            "package: com.acme/core"
        ]
    );
    assert_names(
        r#"{"spdxVersion": "SPDX-2.3", "name": "doc", "packages": [{"name": "core", "licenseDeclared": "LicenseRef-acme", "downloadLocation": "https://npm.acme.example/x", "externalRefs": [{"referenceLocator": "pkg:pypi/acme-core@1"}]}]}"#,
        &[
            "package: doc",
            "package: core",
            "dependency-license: LicenseRef-acme",
            "registry: https://npm.acme.example/x",
            "package: acme-core",
        ],
    );
    assert_names(
        r#"{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": [{"type": "software_Package", "name": "core", "software_packageUrl": "pkg:cargo/acme-core@1"}, {"simplelicensing_licenseExpression": "GPL-3.0-only"}]}"#,
        &[
            "package: core",
            "package: acme-core",
            "dependency-license: GPL-3.0-only",
        ],
    );
    assert_names(
        "SPDXVersion: SPDX-2.2\nPackageName: core\nPackageLicenseDeclared: MIT\nExternalRef: PACKAGE-MANAGER purl pkg:npm/%40acme/x@1\n",
        &[
            "package: core",
            "dependency-license: MIT",
            "package: @acme/x",
        ],
    );
}

#[test]
fn what_is_no_manifest_is_left() {
    for text in [
        "{\"a\": 1}",
        "<html><p>name</p></html>",
        "name = \"x\"\n",
        "a == b\nc >= d and more\n",
        "module main\nfn main() {}\n",
        "# a heading\n\nSome text about packages: and dependencies.\n",
        "import x\nx == 1\n",
    ] {
        assert_eq!(read_with(text).0, [""; 0], "{text}");
    }
}

#[test]
fn pointers_lead_to_what_is_named() {
    let text = br#"{"components": [{"name": "a"}, {"name": "b/~", "x/~y": ["p", "q"]}]}"#;
    let at = |word: &str| {
        text.windows(word.len())
            .position(|window| window == word.as_bytes())
            .unwrap()
    };
    let of = |word: &str| pointer(text, at(word));
    assert_eq!(of("a\""), Some("/components/0/name".to_owned()));
    assert_eq!(of("b/~"), Some("/components/1/name".to_owned()));
    assert_eq!(of("q"), Some("/components/1/x~1~0y/1".to_owned()));
    assert_eq!(of("x/~y"), Some("/components/1/x~1~0y".to_owned()));
    assert_eq!(pointer(text, 0), None);
    assert_eq!(pointer(text, 1 << 20), None);
}

#[test]
fn large_and_deep_files_stay_within_limits() {
    let deep = |depth: usize| {
        format!(
            "{{\"bomFormat\": \"CycloneDX\", \"components\": {}{{\"name\": \"core\"}}{}}}",
            "[".repeat(depth),
            "]".repeat(depth)
        )
    };
    assert_names(&deep(1000), &["package: core"]);
    let (read, summary) = read_with(&deep(1 << 20));
    assert_eq!(read, [""; 0]);
    assert!(
        summary
            .unread
            .iter()
            .any(|unread| unread.why == Why::TooDeep),
        "{:?}",
        summary.unread
    );
    let one = "{\"name\": \"core\", \"purl\": \"pkg:npm/%40acme/x@1\"},";
    for size in [7 << 20, 50 << 20] {
        let many = size / one.len();
        let large = format!(
            "{{\"bomFormat\": \"CycloneDX\", \"components\": [{}{{}}]}}",
            one.repeat(many)
        );
        let (read, summary) = read_with(&large);
        assert_eq!(read.len(), 2 * many);
        assert_eq!(summary.unread, []);
    }
}

#[test]
fn a_licence_is_that_of_what_is_described_or_of_what_is_named() {
    let licences = |text: &str| {
        let (read, _) = read_with(text);
        let licences = read.into_iter().filter(|line| line.contains("license: "));
        licences.collect::<Vec<_>>()
    };
    for (text, expected) in [
        (
            r#"{"lockfileVersion": 3, "packages": {"": {"license": "A"}, "node_modules/x": {"license": "B"}}}"#,
            ["license: A", "dependency-license: B"],
        ),
        (
            r#"{"bomFormat": "CycloneDX", "metadata": {"component": {"licenses": [{"license": {"id": "A"}}]}}, "components": [{"licenses": [{"expression": "B"}]}]}"#,
            ["license: A", "dependency-license: B"],
        ),
        (
            r#"{"dependencies": {}, "licenses": [{"type": "A"}], "x": {"license": "B"}}"#,
            ["license: A", "dependency-license: B"],
        ),
        (
            "<bom xmlns=\"http://cyclonedx.org/schema/bom/1.5\"><metadata><licenses><license><id>A</id></license></licenses></metadata><components><component><licenses><expression>B</expression></licenses></component></components></bom>",
            ["license: A", "dependency-license: B"],
        ),
        (
            "[package]\nlicense = \"A\"\n\n[[package]]\nlicense = \"B\"\n",
            ["license: A", "dependency-license: B"],
        ),
        (
            "<package><metadata><license type=\"file\">L.txt</license><license type=\"expression\">A</license></metadata><packages></packages></package>",
            ["license: A", ""],
        ),
    ] {
        let expected: Vec<&str> = expected
            .into_iter()
            .filter(|line| !line.is_empty())
            .collect();
        assert_eq!(licences(text), expected, "{text}");
    }
}

#[test]
fn whatever_is_cut_or_nonsense_ends() {
    let texts = [
        r#"{"lockfileVersion": 3, "packages": {"node_modules/@acme/x": {"resolved": "https://x"}}, "purl": "pkg:npm/%40a/x@1"}"#,
        "<packages><package id=\"x\" /><name>a</name><purl>pkg:a/b</purl></packages>",
        "[package]\nname = \"a\"\ndependencies = [\n \"x>=1\",\n]\n[dependencies.x]\nurl = 'y'\n",
        "# yarn lockfile v1\n\"@a/b@1\", c@2:\n  resolved \"https://x\"\n",
        "module a.b/c\nrequire d.e/f v1\n",
    ];
    for text in texts {
        for end in 0..text.len() {
            read_with(&text[..end]);
            let _ = pointer(text.as_bytes(), end);
        }
    }
}
