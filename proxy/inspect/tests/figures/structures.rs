//! Secrets that are known by what stands around them or by their own form.

use exeat_rules::template;

use crate::corpus::File;
use crate::random::{BASE62, BASE64, BASE64URL, HEX, Random, base64, base64url};
use crate::values::{KEYS, PASSWORDS};

pub fn all(random: &mut Random, rounds: usize) -> Vec<File> {
    let mut files = Vec::new();
    for round in 0..rounds {
        files.push(urls(random, round));
        files.push(headers(random, round));
        files.push(connections(random, round));
        files.push(commands(random, round));
        files.push(sql(random, round));
        files.push(calls(random, round));
        files.push(pairs(random, round));
        files.push(vendors(round));
        files.extend(keys(random, round));
        files.extend(stored(random, round));
    }
    files
}

fn password(random: &mut Random, safe: bool) -> String {
    let (_, make) = PASSWORDS[random.below(PASSWORDS.len())];
    make(random, safe)
}

fn key(random: &mut Random) -> String {
    let (_, make) = KEYS[random.below(KEYS.len())];
    make(random, true)
}

/// As it stands in a URL: what may not is written with percent signs (RFC 3986, section 2.1).
fn in_url(value: &str) -> String {
    let mut out = String::new();
    for byte in value.bytes() {
        match byte.is_ascii_alphanumeric() || b"-._~!*".contains(&byte) {
            true => out.push(char::from(byte)),
            false => out += &format!("%{byte:02X}"),
        }
    }
    out
}

/// Puts a value for each `{v}`.
fn lines(
    file: &mut File,
    kind: &'static str,
    syntax: &'static str,
    forms: &[&str],
    mut value: impl FnMut(&str) -> String,
) {
    for form in forms {
        let value = value(form);
        file.secret(kind, syntax, &form.replace("{v}", &value));
    }
}

fn urls(random: &mut Random, round: usize) -> File {
    let mut file = File::new(format!("service{round}/config/urls.yml"));
    file.plain("urls:\n");
    let forms = [
        "  database: postgres://shop:{v}@db.shop.example:5432/shop",
        "DATABASE_URL=mysql2://root:{v}@10.2.0.14/shop?pool=5",
        "  mongo: \"mongodb+srv://app:{v}@cluster0.ab1cd.mongodb.net/test?retryWrites=true\"",
        "redis_url = 'redis://:{v}@cache.internal:6379/0'",
        "  broker: amqp://worker:{v}@mq:5672//orders",
        "git clone https://deploy:{v}@git.shop.example/shop/web.git",
        "proxy = http://svc_proxy:{v}@proxy.corp.example:3128",
        "const url = \"ftp://backup:{v}@files.shop.example/daily\";",
        "SMTP_URL=smtps://mailer%40shop.example:{v}@smtp.shop.example:465",
        "engine = create_engine(\"postgresql+psycopg2://app:{v}@localhost/shop\")",
        "index-url = https://ci:{v}@pypi.shop.example/simple",
        "ldap://cn=admin:{v}@ldap.shop.example",
    ];
    lines(&mut file, "URL credentials", "URL", &forms, |_| {
        in_url(&password(random, false))
    });
    file
}

fn headers(random: &mut Random, round: usize) -> File {
    let mut file = File::new(format!("service{round}/docs/requests.http"));
    file.plain(
        "### the orders\nGET https://api.shop.example/orders HTTP/1.1\nAccept: application/json\n",
    );
    let bearer = [
        "Authorization: Bearer {v}",
        "authorization: bearer {v}",
        "curl -H \"Authorization: Bearer {v}\" https://api.shop.example/v1/orders",
        "  headers: { 'Authorization': 'Bearer {v}' },",
        "req.Header.Set(\"Authorization\", \"Bearer {v}\")",
        "\"Authorization\": \"token {v}\",",
        "headers = {\"Authorization\": \"Bearer {v}\"}",
        "request.addHeader(\"Authorization\", \"Bearer {v}\");",
        "http.setRequestHeader('Authorization', 'Bearer {v}');",
    ];
    lines(&mut file, "Bearer header", "header", &bearer, |_| {
        key(random)
    });
    let basic = [
        "Authorization: Basic {v}",
        "  -H 'Authorization: Basic {v}' \\",
        "headers[\"Authorization\"] = \"Basic {v}\"",
        "<header name=\"Authorization\">Basic {v}</header>",
        "proxy-authorization: Basic {v}",
        "  'Authorization' => 'Basic {v}',",
    ];
    lines(&mut file, "Basic header", "header", &basic, |_| {
        let user = random.one(&["admin", "shop-bot", "svc", "app"]);
        base64(format!("{user}:{}", password(random, false)).as_bytes())
    });
    let named = [
        "X-Api-Key: {v}",
        "curl -H 'x-api-key: {v}' https://api.shop.example",
        "  headers: {'X-Auth-Token': '{v}'}",
        "Private-Token: {v}",
        "Cookie: session_token={v}; theme=dark",
        "https://api.shop.example/v1/orders?api_key={v}&limit=10",
        "https://maps.shop.example/tile?access_token={v}",
    ];
    lines(
        &mut file,
        "key in a header or query",
        "header",
        &named,
        |form| match form.starts_with("http") {
            true => random.text(32, BASE62),
            false => key(random),
        },
    );
    file
}

fn connections(random: &mut Random, round: usize) -> File {
    let mut file = File::new(format!("service{round}/App.config"));
    file.plain("<configuration>\n  <connectionStrings>\n");
    let forms = [
        "    <add name=\"Shop\" connectionString=\"Server=tcp:db.shop.example,1433;Database=shop;User ID=app;Password={v};Encrypt=true\" />",
        "  \"DefaultConnection\": \"Data Source=db;Initial Catalog=shop;uid=app;pwd={v}\",",
        "jdbc:mysql://db:3306/shop?user=app&password={v}",
        "conn = \"host=db port=5432 user=app password={v} dbname=shop\"",
        "DSN=Shop;UID=app;PWD={v};",
        "jdbc:oracle:thin:app/{v}@//db.shop.example:1521/shop",
        "$dsn = \"odbc:Driver={SQL Server};Server=db;Uid=app;Pwd={v}\";",
        "sqlplus app/{v}@shop",
        "jdbc:sqlserver://db:1433;databaseName=shop;user=app;password={v};",
    ];
    lines(
        &mut file,
        "connection string",
        "connection string",
        &forms,
        |_| password(random, true).replace(['@', '%', '+'], "7"),
    );
    let accounts = [
        "DefaultEndpointsProtocol=https;AccountName=shop;AccountKey={v};EndpointSuffix=core.windows.net",
        "Endpoint=sb://shop.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey={v}",
        "HostName=shop.azure-devices.net;DeviceId=till;SharedAccessKey={v}",
        "AccountEndpoint=https://shop.documents.azure.com:443/;AccountKey={v};",
    ];
    lines(
        &mut file,
        "connection string",
        "connection string",
        &accounts,
        |form| base64(&random.bytes(if form.contains("Account") { 64 } else { 32 })),
    );
    file
}

fn commands(random: &mut Random, round: usize) -> File {
    let mut file = File::new(format!("service{round}/bin/jobs.sh"));
    file.plain("#!/bin/bash\nset -e\n");
    let forms = [
        "mysql -h db -u root -p{v} shop < dump.sql",
        "mysqldump --user=root --password={v} shop",
        "curl -u admin:{v} https://nexus.shop.example/service/rest/v1/status",
        "curl --user 'bot:{v}' -T build.tgz https://files.shop.example/",
        "sshpass -p '{v}' ssh deploy@shop.example",
        "docker login -u bot -p {v} registry.shop.example",
        "echo '{v}' | docker login --username bot --password-stdin",
        "PGPASSWORD={v} psql -h db -U app shop",
        "redis-cli -h cache -a {v} ping",
        "wget --user=bot --password={v} https://files.shop.example/a.tgz",
        "az login --service-principal -u http://shop -p {v} --tenant shop.example",
        "openssl enc -aes-256-cbc -in a -out b -k {v}",
        "mongo admin -u root -p {v} --eval 'db.stats()'",
        "ldapsearch -D cn=admin -w {v} -b dc=shop",
        "zip -P {v} out.zip data.csv",
        "htpasswd -bc /etc/nginx/.htpasswd admin {v}",
        "echo \"admin:{v}\" | chpasswd",
        "net use Z: \\\\files\\share {v} /user:shop\\backup",
        "keytool -genkeypair -alias shop -storepass {v} -keypass {v}",
        "smbclient //files/share -U backup%{v}",
        "gpg --batch --passphrase {v} -d a.gpg",
    ];
    lines(
        &mut file,
        "password in a command",
        "command",
        &forms,
        |_| password(random, true),
    );
    let tokens = [
        "helm upgrade shop ./chart --set apiToken={v}",
        "./shop --api-key {v} --verbose",
        "./shop --auth-token={v}",
        "sonar-scanner -Dsonar.login={v}",
        "npm publish --//registry.npmjs.org/:_authToken={v}",
        "vault login {v}",
    ];
    lines(&mut file, "key in a command", "command", &tokens, |_| {
        random.text(40, HEX)
    });
    file
}

fn sql(random: &mut Random, round: usize) -> File {
    let mut file = File::new(format!("service{round}/migrations/002_users.sql"));
    file.plain("BEGIN;\nCREATE TABLE account (id serial PRIMARY KEY, name text);\n");
    let forms = [
        "CREATE USER app WITH PASSWORD '{v}';",
        "ALTER ROLE reporting WITH LOGIN ENCRYPTED PASSWORD '{v}';",
        "CREATE USER 'app'@'%' IDENTIFIED BY '{v}';",
        "GRANT ALL ON shop.* TO 'app'@'localhost' IDENTIFIED BY '{v}';",
        "SET PASSWORD FOR 'root'@'%' = '{v}';",
        "CREATE LOGIN app WITH PASSWORD = '{v}', CHECK_POLICY = OFF;",
        "ALTER USER app IDENTIFIED BY \"{v}\" REPLACE old;",
        "INSERT INTO settings (name, value) VALUES ('smtp_password', '{v}');",
        "INSERT INTO account (name, password) VALUES ('admin', '{v}');",
        "UPDATE account SET password = '{v}' WHERE name = 'admin';",
        "CREATE DATABASE LINK dw CONNECT TO app IDENTIFIED BY \"{v}\" USING 'dw';",
        "SELECT dblink_connect('host=dw user=app password={v}');",
        "SET @admin_password = '{v}';",
    ];
    lines(&mut file, "password in SQL", "SQL", &forms, |_| {
        password(random, true)
    });
    file
}

/// Passwords by their place among the arguments of a call, or by what the call is.
fn calls(random: &mut Random, round: usize) -> File {
    let mut file = File::new(format!("service{round}/src/login.txt"));
    let forms = [
        "conn = psycopg2.connect(host=\"db\", user=\"app\", password=\"{v}\")",
        "server.login('mailer@shop.example', '{v}')",
        "$link = mysqli_connect('db', 'app', '{v}', 'shop');",
        "Connection c = DriverManager.getConnection(url, \"app\", \"{v}\");",
        "var cred = new NetworkCredential(\"app\", \"{v}\");",
        "$s = ConvertTo-SecureString \"{v}\" -AsPlainText -Force",
        "requests.get(url, auth=('app', '{v}'))",
        "requests.get(url, auth=HTTPBasicAuth(\"app\", \"{v}\"))",
        "req.SetBasicAuth(\"app\", \"{v}\")",
        "await page.fill('#password', '{v}');",
        "cy.get('[name=password]').type('{v}')",
        "driver.find_element(By.ID, \"password\").send_keys(\"{v}\")",
        "ssh.connect('shop.example', username='deploy', password='{v}')",
        "ftp.login(\"backup\", \"{v}\");",
        "KeyStore.getInstance(\"JKS\").load(in, \"{v}\".toCharArray());",
        "User.create!(email: 'admin@shop.example', password: '{v}')",
        "User.objects.create_superuser('admin', 'a@shop.example', '{v}')",
        "new PasswordAuthentication(\"app\", \"{v}\".toCharArray());",
    ];
    lines(&mut file, "password in a call", "call", &forms, |_| {
        password(random, false)
    });
    file
}

/// AWS: the id of a key and its secret.
fn pairs(random: &mut Random, round: usize) -> File {
    let mut file = File::new(format!("service{round}/home/.aws/credentials"));
    for (id, secret) in [
        ("aws_access_key_id = {v}", "aws_secret_access_key = {v}"),
        (
            "export AWS_ACCESS_KEY_ID={v}",
            "export AWS_SECRET_ACCESS_KEY={v}",
        ),
        ("  accessKeyId: '{v}',", "  secretAccessKey: '{v}',"),
        ("  access_key = \"{v}\"", "  secret_key = \"{v}\""),
        ("\"AWSAccessKeyId\": \"{v}\",", "\"AWSSecretKey\": \"{v}\","),
    ] {
        let key = format!(
            "AK{}IA{}",
            "",
            random.text(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
        );
        file.secret("AWS pair", "AWS", &id.replace("{v}", &key));
        file.secret(
            "AWS pair",
            "AWS",
            &secret.replace("{v}", &random.text(40, BASE64)),
        );
    }
    file
}

/// Tokens that vendors give a form, by templates: what their documentation shows.
fn vendors(round: usize) -> File {
    let mut file = File::new(format!("service{round}/notes/tokens.md"));
    let forms = [
        "{{github ghp_ S}}",
        "{{github gho_ S}}",
        "{{github ghs_ S}}",
        "glpat-{{base64url 20 S}}",
        "xoxb-{{digits 12 S}}-{{digits 13 Sa}}-{{base62 24 Sb}}",
        "https://hooks.slack.com/services/T{{upper 8 S}}/B{{upper 10 Sa}}/{{base62 24 Sb}}",
        "sk_li{{}}ve_{{base62 24 S}}",
        "rk_li{{}}ve_{{base62 99 S}}",
        "whsec_{{base62 32 S}}",
        "AI{{}}za{{base64url 35 S}}",
        "GOCSPX-{{base64url 28 S}}",
        "SG.{{base64url 22 S}}.{{base64url 43 Sa}}",
        "dop_v1_{{hex 64 S}}",
        "shpat_{{hex 32 S}}",
        "hf_{{alpha 34 S}}",
        "sk-ant-api03-{{base64url 93 S}}AA",
        "sk-proj-{{base62 74 S}}T3BlbkFJ{{base62 74 Sa}}",
        "lin_api_{{base62 40 S}}",
        "hvs.{{base62 95 S}}",
        "dckr_pat_{{base62 27 S}}",
        "sbp_{{hex 40 S}}",
        "rubygems_{{hex 48 S}}",
        "pypi-AgEIcHlwaS5vcmc{{base64url 150 S}}",
        "NRAK-{{upper 27 S}}",
        "EAAA{{base64url 60 S}}",
        "xkeysib-{{hex 64 S}}-{{base62 16 Sa}}",
        "key-{{hex 32 S}}",
        "dapi{{hex 32 S}}",
        "{{digits 10 S}}:AA{{base64url 33 Sa}}",
        "https://discord.com/api/webhooks/{{digits 18 S}}/{{base64url 68 Sa}}",
        "sq0csp-{{base64url 43 S}}",
        "dp.pt.{{base62 43 S}}",
        "figd_{{base64url 40 S}}",
        "pul-{{hex 40 S}}",
        "PMAK-{{hex 24 S}}-{{hex 34 Sa}}",
        "ntn_{{digits 11 S}}{{base62 35 Sa}}",
        "rnd_{{base62 28 S}}",
        "AGE-SECRET-KEY-1{{upper 58 S}}",
    ];
    for (number, form) in forms.iter().enumerate() {
        let is_seed = |word: &str| format!(" s{round}n{number}{word}}}}}");
        let form = form
            .replace(" Sa}}", &is_seed("a"))
            .replace(" Sb}}", &is_seed("b"))
            .replace(" S}}", &is_seed(""));
        let value = template::expand(&form).unwrap();
        let line = match number % 4 {
            0 => format!("- we use {value} for now"),
            1 => format!("TOKEN={value}"),
            2 => format!("  \"value\": \"{value}\","),
            _ => value,
        };
        file.secret("vendor's token", "vendor", &line);
    }
    file
}

/// Keys that are files or objects themselves, and signed tokens.
fn keys(random: &mut Random, round: usize) -> Vec<File> {
    let mut files = Vec::new();
    for kind in ["RSA", "EC", "OPENSSH", "PKCS8", "ENCRYPTED", "PGP"] {
        let block = template::expand(&format!("{{{{pem {kind} f{round}}}}}")).unwrap();
        let mut file = File::new(format!("service{round}/certs/{}.pem", kind.to_lowercase()));
        file.secret("private key", "PEM", &block);
        files.push(file);
        let mut file = File::new(format!(
            "service{round}/deploy/{}.json",
            kind.to_lowercase()
        ));
        let line = block.replace('\n', "\\n");
        file.secret(
            "private key",
            "PEM in a string",
            &format!("{{\"type\": \"service\", \"private_key\": \"{line}\"}}"),
        );
        files.push(file);
        let mut file = File::new(format!(
            "service{round}/deploy/{}.yaml",
            kind.to_lowercase()
        ));
        file.plain("tls:");
        file.secret(
            "private key",
            "PEM in YAML",
            &format!("  key: |\n    {}", block.trim_end().replace('\n', "\n    ")),
        );
        files.push(file);
    }
    let mut file = File::new(format!("service{round}/src/tokens.ts"));
    for form in [
        "const jwt = '{v}';",
        "Authorization: Bearer {v}",
        "id_token={v}",
        "  \"token\": \"{v}\",",
    ] {
        let header = base64url(b"{\"alg\":\"HS256\",\"typ\":\"JWT\"}");
        let claims = format!(
            "{{\"sub\":\"{}\",\"iss\":\"https://id.shop.example\",\"exp\":1790000000}}",
            random.uuid()
        );
        let token = format!(
            "{header}.{}.{}",
            base64url(claims.as_bytes()),
            base64url(&random.bytes(32))
        );
        file.secret("JWT", "JWT", &form.replace("{v}", &token));
    }
    let word = |random: &mut Random| random.text(43, BASE64URL);
    let jwk = format!(
        "{{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"{}\",\"y\":\"{}\",\"d\":\"{}\"}}",
        word(random),
        word(random),
        word(random)
    );
    file.secret("JWK", "JWK", &format!("const key = {jwk};"));
    let jwk = format!(
        "  \"kty\": \"oct\",\n  \"alg\": \"HS256\",\n  \"k\": \"{}\"",
        random.text(86, BASE64URL)
    );
    file.secret("JWK", "JWK", &format!("{{\n{jwk}\n}}"));
    files.push(file);
    files
}

/// Files in which programs keep logins.
fn stored(random: &mut Random, round: usize) -> Vec<File> {
    let mut files = Vec::new();
    let forms = [
        (
            "home/.netrc",
            "machine api.shop.example login bot password {v}",
        ),
        ("home/.pgpass", "db.shop.example:5432:shop:app:{v}"),
        ("home/.git-credentials", "https://bot:{v}@git.shop.example"),
        ("home/.npmrc", "//npm.shop.example/:_password={b}"),
        ("home/.pypirc", "password = {v}"),
        ("home/.my.cnf", "password={v}"),
        ("home/.s3cfg", "secret_key = {k}"),
        (
            "home/.docker/config.json",
            "{\"auths\": {\"registry.shop.example\": {\"auth\": \"{a}\"}}}",
        ),
        ("wp-config.php", "define('DB_PASSWORD', '{v}');"),
        (
            "WebServers.xml",
            "<fileTransfer host=\"shop.example\" username=\"app\" password=\"{v}\" />",
        ),
        ("sftp-config.json", "    \"password\": \"{v}\","),
        ("config/database.yml", "  password: {v}"),
        ("kube/config", "    password: {v}"),
    ];
    for (path, form) in forms {
        let value = password(random, true);
        let line = form
            .replace("{v}", &value)
            .replace("{b}", &base64(value.as_bytes()))
            .replace("{a}", &base64(format!("bot:{value}").as_bytes()))
            .replace("{k}", &random.text(40, BASE62));
        let mut file = File::new(format!("service{round}/{path}"));
        file.secret("stored login", "stored login", &line);
        files.push(file);
    }
    files
}
