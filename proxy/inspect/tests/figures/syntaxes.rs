//! How a value is given to a name, language by language.

use crate::corpus::File;
use crate::random::{Random, base64};
use crate::values::{KEY_NAMES, KEYS, PASSWORD_NAMES, PASSWORDS, fill, is_quoted};

/// A language or format: where such text lies, what is around, and the ways to write a named value in it.
pub struct Syntax {
    pub name: &'static str,
    path: &'static str,
    before: &'static str,
    after: &'static str,
    /// See `fill`.
    pub forms: &'static [&'static str],
}

pub const ALL: &[Syntax] = &[
    Syntax {
        name: "env",
        path: "deploy/production.env",
        before: "# settings of the shop\nAPP_NAME=shop\nAPP_DEBUG=false\nLOG_LEVEL=info\n",
        after: "APP_PORT=8080\nTZ=Europe/Vienna\n",
        forms: &[
            "{N}={v}",
            "export {N}={v}",
            "{N}=\"{v}\"",
            "{N}='{v}'",
            "{N}={v} # rotated in May",
        ],
    },
    Syntax {
        name: "YAML",
        path: "config/settings.yaml",
        before: "service:\n  name: shop\n  replicas: 3\n  log-level: info\n",
        after: "  timeout: 30s\n  features: [cart, search]\n",
        forms: &[
            "  {n}: {v}",
            "  {k}: \"{v}\"",
            "  {c}: '{v}'",
            "  {N}: {v}",
            "  - name: {N}\n    value: {v}",
            "  - name: {N}\n    value: \"{v}\"",
            "      - {N}={v}",
            "  {n}: !!str {v}",
            "  {n}: >-\n    {v}",
        ],
    },
    Syntax {
        name: "JSON",
        path: "config/appsettings.json",
        before: "{\n  \"Logging\": {\"LogLevel\": {\"Default\": \"Warning\"}},\n  \"AllowedHosts\": \"*\",\n",
        after: "  \"Port\": 8080\n}\n",
        forms: &[
            "  \"{n}\": \"{v}\",",
            "  \"{P}\": \"{v}\",",
            "  \"{c}\":\"{v}\",",
            "  \"{k}\" : \"{v}\",",
            "  \"Mail\": {\"Host\": \"mail.shop.example\", \"{P}\": \"{v}\"},",
            "  {\"name\": \"{N}\", \"value\": \"{v}\"},",
            "  \"payload\": \"{\\\"user\\\":\\\"app\\\",\\\"{n}\\\":\\\"{v}\\\"}\",",
        ],
    },
    Syntax {
        name: "TOML",
        path: "config/service.toml",
        before: "[service]\nname = \"shop\"\nworkers = 4\n",
        after: "\n[limits]\nbody = \"10MiB\"\n",
        forms: &[
            "{n} = \"{v}\"",
            "{n} = '{v}'",
            "{k} = \"{v}\"",
            "backend = { host = \"db\", {n} = \"{v}\" }",
        ],
    },
    Syntax {
        name: "INI",
        path: "etc/service.ini",
        before: "[main]\nuser = app\nhost = db.shop.example\nport = 5432\n",
        after: "charset = utf8\n; end\n",
        forms: &["{n} = {v}", "{n}={v}", "{n} = \"{v}\"", "{P}={v}"],
    },
    Syntax {
        name: "properties",
        path: "src/main/resources/application.properties",
        before: "server.port=8080\nspring.application.name=shop\n",
        after: "management.endpoints.web.exposure.include=health\n",
        forms: &[
            "{d}={v}",
            "{d} = {v}",
            "{d}: {v}",
            "spring.{k}={v}",
            "{c}={v}",
        ],
    },
    Syntax {
        name: "XML",
        path: "conf/server.xml",
        before: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<configuration>\n  <appSettings>\n",
        after: "  </appSettings>\n</configuration>\n",
        forms: &[
            "    <{c}>{v}</{c}>",
            "    <property name=\"{d}\" value=\"{v}\"/>",
            "    <property name=\"{c}\">{v}</property>",
            "    <add key=\"{P}\" value=\"{v}\" />",
            "    <connection host=\"db\" user=\"app\" {c}=\"{v}\"/>",
            "    <entry key=\"{d}\">{v}</entry>",
        ],
    },
    Syntax {
        name: "shell",
        path: "scripts/release.sh",
        before: "#!/bin/sh\nset -eu\ncd \"$(dirname \"$0\")\"\n",
        after: "make release\necho done\n",
        forms: &[
            "{N}={v}",
            "export {N}=\"{v}\"",
            "{N}='{v}' ./deploy.sh --now",
            "readonly {N}='{v}'",
            "local {n}=\"{v}\"",
            ": \"${{N}:={v}}\"",
            "kubectl create secret generic shop --from-literal={k}={v}",
            "export {N}=${{N}:-{v}}",
        ],
    },
    Syntax {
        name: "Dockerfile",
        path: "Dockerfile",
        before: "FROM debian:12-slim\nRUN apt-get update && apt-get install -y curl\nWORKDIR /srv\n",
        after: "COPY . .\nCMD [\"./shop\"]\n",
        forms: &[
            "ENV {N}={v}",
            "ENV {N} {v}",
            "ARG {N}={v}",
            "ENV LANG=C.UTF-8 {N}=\"{v}\"",
            "RUN {N}={v} npm ci",
        ],
    },
    Syntax {
        name: "Terraform",
        path: "infra/main.tf",
        before: "resource \"aws_db_instance\" \"shop\" {\n  engine         = \"postgres\"\n  instance_class = \"db.t3.micro\"\n",
        after: "}\n",
        forms: &[
            "  {n} = \"{v}\"",
            "  {n}       = \"{v}\"",
            "}\nvariable \"{n}\" {\n  type    = string\n  default = \"{v}\"",
            "  environment = { {N} = \"{v}\" }",
        ],
    },
    Syntax {
        name: "Python",
        path: "shop/settings.py",
        before: "import os\n\nDEBUG = False\nALLOWED_HOSTS = [\"shop.example\"]\n",
        after: "\nTIME_ZONE = \"UTC\"\n",
        forms: &[
            "{N} = \"{v}\"",
            "{N} = '{v}'",
            "{n} = \"{v}\"",
            "    {n}=\"{v}\",",
            "    \"{n}\": \"{v}\",",
            "os.environ[\"{N}\"] = \"{v}\"",
            "{N} = os.environ.get(\"{N}\", \"{v}\")",
            "{N} = os.getenv('{N}', '{v}')",
            "        self.{n} = '{v}'",
            "client = Client(host=\"api.shop.example\", {n}=\"{v}\")",
            "def connect(host, {n}=\"{v}\"):",
            "{N}: str = \"{v}\"",
            "config['{n}'] = '{v}'",
            "config.set('main', '{n}', '{v}')",
        ],
    },
    Syntax {
        name: "JavaScript",
        path: "src/config.js",
        before: "'use strict';\n\nconst express = require('express');\nconst port = 3000;\n",
        after: "\nmodule.exports = { port };\n",
        forms: &[
            "const {c} = '{v}';",
            "const {N} = \"{v}\";",
            "  {c}: '{v}',",
            "  {n}: \"{v}\",",
            "  '{k}': '{v}',",
            "const {c} = process.env.{N} || '{v}';",
            "const {c} = process.env.{N} ?? \"{v}\";",
            "process.env.{N} = '{v}';",
            "const api = new Client({ host: 'api.shop.example', {c}: '{v}' });",
            "const {c} = `{v}`;",
            "localStorage.setItem('{c}', '{v}');",
        ],
    },
    Syntax {
        name: "TypeScript",
        path: "src/environment.ts",
        before: "import { Injectable } from '@angular/core';\n\nexport const production = true;\n",
        after: "\nexport const locale = 'de';\n",
        forms: &[
            "export const {N} = '{v}';",
            "const {c}: string = \"{v}\";",
            "  private readonly {c} = '{v}';",
            "  {c}: '{v}',",
            "  private {c}: string = '{v}';",
            "  {c}: process.env['{N}'] as string || '{v}',",
        ],
    },
    Syntax {
        name: "Java",
        path: "src/main/java/shop/Settings.java",
        before: "package shop;\n\nimport java.util.Properties;\n\npublic class Settings {\n",
        after: "}\n",
        forms: &[
            "    private static final String {N} = \"{v}\";",
            "    String {c} = \"{v}\";",
            "        props.setProperty(\"{d}\", \"{v}\");",
            "        props.put(\"{d}\", \"{v}\");",
            "        settings.set{P}(\"{v}\");",
            "        builder.{c}(\"{v}\").build();",
            "        this.{c} = \"{v}\";",
            "    @Value(\"${{d}:{v}}\")",
            "        System.setProperty(\"shop.{c}\", \"{v}\");",
            "        char[] {c} = \"{v}\".toCharArray();",
        ],
    },
    Syntax {
        name: "Go",
        path: "internal/config/config.go",
        before: "package config\n\nimport \"os\"\n\n",
        after: "\nconst Port = 8080\n",
        forms: &[
            "\t{c} := \"{v}\"",
            "const {c} = \"{v}\"",
            "\t\t{P}: \"{v}\",",
            "\tos.Setenv(\"{N}\", \"{v}\")",
            "var {c} string = \"{v}\"",
            "\tcfg.{P} = \"{v}\"",
            "\t{c} := []byte(\"{v}\")",
            "\t\t\"{n}\":  \"{v}\",",
            "\tflag.StringVar(&{c}, \"{k}\", \"{v}\", \"how to log in\")",
        ],
    },
    Syntax {
        name: "C#",
        path: "Shop/Startup.cs",
        before: "using System;\n\nnamespace Shop\n{\n    public class Startup\n    {\n",
        after: "    }\n}\n",
        forms: &[
            "        private const string {P} = \"{v}\";",
            "        public string {P} { get; set; } = \"{v}\";",
            "            var {c} = \"{v}\";",
            "            {P} = \"{v}\",",
            "            string {c} = @\"{v}\";",
            "            options.{P} = \"{v}\";",
            "            Environment.SetEnvironmentVariable(\"{N}\", \"{v}\");",
            "            [\"{P}\"] = \"{v}\",",
        ],
    },
    Syntax {
        name: "PHP",
        path: "app/config.php",
        before: "<?php\n\nreturn [\n    'debug' => false,\n",
        after: "];\n",
        forms: &[
            "    '{n}' => '{v}',",
            "    \"{k}\" => \"{v}\",",
            "define('{N}', '{v}');",
            "define( \"{N}\", \"{v}\" );",
            "${n} = '{v}';",
            "$this->{c} = '{v}';",
            "$config['{n}'] = '{v}';",
            "    '{n}' => env('{N}', '{v}'),",
            "    const {N} = '{v}';",
            "    private ${c} = \"{v}\";",
            "putenv(\"{N}={v}\");",
        ],
    },
    Syntax {
        name: "Ruby",
        path: "config/initializers/shop.rb",
        before: "# frozen_string_literal: true\n\nShop.configure do |config|\n",
        after: "end\n",
        forms: &[
            "{N} = '{v}'",
            "  {n}: '{v}',",
            "  :{n} => \"{v}\",",
            "  config.{n} = '{v}'",
            "ENV['{N}'] ||= '{v}'",
            "  '{n}' => '{v}',",
            "{n} = ENV.fetch('{N}', '{v}')",
            "  @{n} = \"{v}\"",
        ],
    },
    Syntax {
        name: "Rust",
        path: "src/config.rs",
        before: "use std::env;\n\npub struct Config;\n\n",
        after: "\npub const PORT: u16 = 8080;\n",
        forms: &[
            "const {N}: &str = \"{v}\";",
            "pub static {N}: &'static str = \"{v}\";",
            "    let {n} = \"{v}\";",
            "        {n}: \"{v}\".to_string(),",
            "        {n}: String::from(\"{v}\"),",
            "        .{n}(\"{v}\")",
            "    let {n} = env::var(\"{N}\").unwrap_or(\"{v}\".into());",
            "    env::set_var(\"{N}\", \"{v}\");",
            "        {n}: Some(\"{v}\".into()),",
        ],
    },
    Syntax {
        name: "Kotlin",
        path: "app/src/main/kotlin/Config.kt",
        before: "package shop\n\nobject Config {\n",
        after: "    const val PORT = 8080\n}\n",
        forms: &[
            "    val {c} = \"{v}\"",
            "    const val {N} = \"{v}\"",
            "    private val {c}: String = \"{v}\"",
            "        {c} = \"{v}\",",
            "        buildConfigField(\"String\", \"{N}\", \"\\\"{v}\\\"\")",
            "        .{c}(\"{v}\")",
            "    val {c} = System.getenv(\"{N}\") ?: \"{v}\"",
            "        \"{n}\" to \"{v}\",",
        ],
    },
    Syntax {
        name: "others",
        path: "tools/build.txt",
        before: "",
        after: "",
        forms: &[
            "let {c} = \"{v}\"",
            "my ${n} = '{v}';",
            "${P} = \"{v}\"",
            "$env:{N} = \"{v}\"",
            "val {c}: String = \"{v}\"",
            "set {N}={v}",
            "setx {N} \"{v}\"",
            "{n} <- \"{v}\"",
            "static const char *{n} = \"{v}\";",
            "#define {N} \"{v}\"",
            "local {n} = \"{v}\"",
            "(def {k} \"{v}\")",
            "        {N} = '{v}'",
            "Sys.setenv({N} = \"{v}\")",
            "final String {c} = '{v}';",
            "@{n} \"{v}\"",
        ],
    },
];

/// Values by their names: each form with each kind of value, `rounds` times.
pub fn named(random: &mut Random, rounds: usize) -> Vec<File> {
    let mut files = Vec::new();
    for round in 0..rounds {
        for syntax in ALL {
            files.push(file_of(syntax, round, random));
        }
    }
    files
}

fn file_of(syntax: &Syntax, round: usize, random: &mut Random) -> File {
    let (folder, name) = match syntax.path.rsplit_once('/') {
        Some((folder, name)) => (format!("{folder}/"), name),
        None => (String::new(), syntax.path),
    };
    let mut file = File::new(format!("service{round}/{folder}{name}"));
    file.plain(syntax.before);
    let kinds = PASSWORDS.iter().map(|kind| (kind, PASSWORD_NAMES));
    let kinds = kinds.chain(KEYS.iter().map(|kind| (kind, KEY_NAMES)));
    for (index, ((kind, value), names)) in kinds.enumerate() {
        for (at, form) in syntax.forms.iter().enumerate() {
            // Not each form each time: half of them, in turn.
            if (at + index + round) % 2 == 1 {
                continue;
            }
            let value = value(random, !is_quoted(form));
            let line = fill(form, random.one(names), &value);
            file.secret(kind, syntax.name, &line);
        }
    }
    file.plain(syntax.after);
    file
}

/// Kubernetes' own: base64 of a password under `data`, or as it is under `stringData`.
pub fn kubernetes(random: &mut Random, count: usize) -> Vec<File> {
    let mut files = Vec::new();
    for number in 0..count {
        let mut file = File::new(format!("deploy/secret-{number}.yaml"));
        let is_plain = number % 2 == 1;
        let field = if is_plain { "stringData" } else { "data" };
        file.plain(&format!(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: shop-{number}\ntype: Opaque\n{field}:"
        ));
        for name in ["password", "db-password", "redis_password"] {
            let (_, value) = PASSWORDS[number / 2 % 2];
            let value = value(random, true);
            let value = if is_plain {
                value
            } else {
                base64(value.as_bytes())
            };
            file.secret("Kubernetes secret", "YAML", &format!("  {name}: {value}"));
        }
        let key = random.text(40, crate::random::BASE62);
        let key = if is_plain {
            key
        } else {
            base64(key.as_bytes())
        };
        file.secret("Kubernetes secret", "YAML", &format!("  api-token: {key}"));
        files.push(file);
    }
    files
}
