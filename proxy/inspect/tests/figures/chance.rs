//! What looks like chance and is no secret: hashes, ids, public keys, pictures, machine-made text.

use crate::corpus::File;
use crate::random::{BASE62, BASE64URL, HEX, LOWER, Random, base64};

pub fn all(random: &mut Random, rounds: usize) -> Vec<File> {
    let mut files = Vec::new();
    for round in 0..rounds {
        files.extend(locks(random, round));
        files.push(ids(random, round));
        files.push(named_ids(random, round));
        files.push(public_keys(random, round));
        files.push(pictures(random, round));
        files.push(minified(random, round));
        files.push(vectors(random, round));
        files.push(addresses(random, round));
        files.push(sealed(random, round));
    }
    files
}

const PACKAGES: &[&str] = &[
    "lodash",
    "tokenize",
    "password-prompt",
    "keyv",
    "secretstorage",
    "serde",
    "express",
    "monkey-patch",
];

fn locks(random: &mut Random, round: usize) -> Vec<File> {
    const KIND: &str = "checksums of lock files";
    let mut npm = File::new(format!("web{round}/package-lock.json"));
    let mut yarn = File::new(format!("web{round}/yarn.lock"));
    let mut cargo = File::new(format!("core{round}/Cargo.lock"));
    let mut go = File::new(format!("core{round}/go.sum"));
    let mut poetry = File::new(format!("tool{round}/poetry.lock"));
    let mut composer = File::new(format!("php{round}/composer.lock"));
    let mut terraform = File::new(format!("infra{round}/.terraform.lock.hcl"));
    let mut docker = File::new(format!("deploy{round}/images.yaml"));
    for package in PACKAGES {
        let version = format!(
            "{}.{}.{}",
            random.below(9),
            random.below(30),
            random.below(20)
        );
        npm.plain(&format!(
            "    \"node_modules/{package}\": {{\n      \"version\": \"{version}\","
        ));
        npm.fooling(KIND, &format!("      \"resolved\": \"https://registry.npmjs.org/{package}/-/{package}-{version}.tgz\","));
        npm.fooling(
            KIND,
            &format!(
                "      \"integrity\": \"sha512-{}\"\n    }},",
                base64(&random.bytes(64))
            ),
        );
        yarn.fooling(KIND, &format!("{package}@^{version}:\n  version \"{version}\"\n  resolved \"https://registry.yarnpkg.com/{package}/-/{package}-{version}.tgz#{}\"\n  integrity sha1-{}", random.text(40, HEX), base64(&random.bytes(20))));
        cargo.fooling(
            KIND,
            &format!(
                "[[package]]\nname = \"{package}\"\nversion = \"{version}\"\nchecksum = \"{}\"",
                random.text(64, HEX)
            ),
        );
        go.fooling(KIND, &format!("github.com/shop/{package} v{version} h1:{}\ngithub.com/shop/{package} v{version}/go.mod h1:{}", base64(&random.bytes(32)), base64(&random.bytes(32))));
        poetry.fooling(
            KIND,
            &format!(
                "    {{file = \"{package}-{version}.tar.gz\", hash = \"sha256:{}\"}},",
                random.text(64, HEX)
            ),
        );
        composer.fooling(
            KIND,
            &format!(
                "            \"reference\": \"{}\",\n            \"shasum\": \"{}\"",
                random.text(40, HEX),
                random.text(40, HEX)
            ),
        );
        terraform.fooling(
            KIND,
            &format!(
                "    \"h1:{}\",\n    \"zh:{}\",",
                base64(&random.bytes(32)),
                random.text(64, HEX)
            ),
        );
        docker.fooling(
            KIND,
            &format!(
                "  {package}: registry.shop.example/{package}@sha256:{}",
                random.text(64, HEX)
            ),
        );
    }
    vec![npm, yarn, cargo, go, poetry, composer, terraform, docker]
}

fn ids(random: &mut Random, round: usize) -> File {
    let mut file = File::new(format!("log{round}/events.txt"));
    for _ in 0..3 {
        let hash = random.text(40, HEX);
        let uuid = random.uuid();
        let digest = random.text(64, HEX);
        file.fooling("ids and hashes", &format!(
            "commit {hash}\nindex {}..{} 100644\n  \"request_id\": \"{uuid}\",\ntrace_id={}\nETag: \"{}\"\n\
             session {uuid} opened for user app\n<Project ToolsVersion=\"15.0\" Guid=\"{{{}}}\">\nsha256: {digest}\n\
             md5sum = {}\n  uid: {uuid}\n  \"_id\": {{\"$oid\": \"{}\"}},\nvpc-{} subnet-{}\n{digest}  release.tar.gz\n\
             uses: actions/checkout@{hash}\nrev = \"{hash}\"\nbuild {hash} passed in 34 s\nimage: app:{}\n  password_changed_by: {uuid}",
            &hash[..7], &digest[..7], random.text(32, HEX), random.text(32, HEX), random.uuid().to_uppercase(),
            random.text(32, HEX), random.text(24, HEX), random.text(17, HEX), random.text(17, HEX), &hash[..12],
        ));
    }
    file
}

/// Machine-made values behind names that hold a word such as key or token and mean something else.
fn named_ids(random: &mut Random, round: usize) -> File {
    let mut file = File::new(format!("state{round}/state.json"));
    for _ in 0..2 {
        file.fooling("ids called key or token", &format!(
            "  \"publicKey\": \"{}\",\n  \"key_id\": \"{}\",\n  \"keyFingerprint\": \"SHA256:{}\",\n  \"next_page_token\": \"{}\",\n\
             \x20 \"cache_key\": \"node-{}\",\n  \"partitionKey\": \"{}\",\n  \"token_id\": \"{}\",\n  \"object_key\": \"images/{}.png\",\n\
             \x20 \"etag\": \"W/\\\"{}\\\"\",\n  \"tokenAddress\": \"0x{}\",\n  \"passwordHash\": \"{}\",\n  \"secret_arn\": \"arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-{}\",\n\
             \x20 \"idempotencyKey\": \"{}\",\n  \"continuationToken\": \"{}\",\n  \"access_key_fingerprint\": \"{}\",\n  \"public_token\": \"{}\",\n  \"sync_token\": \"{}\"",
            base64(&random.bytes(32)), random.uuid(), base64(&random.bytes(32)).trim_end_matches('='), random.text(44, BASE64URL),
            random.text(64, HEX), random.uuid(), random.uuid(), random.uuid(), random.text(32, HEX), random.text(40, HEX),
            random.text(64, HEX), random.text(6, BASE62), random.uuid(), random.text(60, BASE64URL),
            random.text(40, HEX), random.text(30, BASE62), random.text(30, BASE62),
        ));
    }
    file
}

fn public_keys(random: &mut Random, round: usize) -> File {
    let mut file = File::new(format!("keys{round}/public.txt"));
    let body = base64(&random.bytes(800));
    let lines: Vec<&str> = (0..body.len())
        .step_by(64)
        .map(|at| &body[at..body.len().min(at + 64)])
        .collect();
    let lines = lines.join("\n");
    file.fooling("public keys and certificates", &format!(
        "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQ{} jane@laptop\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{} deploy@shop\n\
         -----BEGIN CERTIFICATE-----\nMIID{lines}\n-----END CERTIFICATE-----\n-----BEGIN PUBLIC KEY-----\nMFkw{lines}\n-----END PUBLIC KEY-----\n\
         github.com ssh-rsa AAAAB3NzaC1yc2EAAAABIwAAAQEA{}\nwireguard_public_key = \"{}\"\n\
         {{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"{}\",\"y\":\"{}\",\"kid\":\"{}\"}}\nage1{}\n  certificate-authority-data: {}\n\
         pin-sha256=\"{}\"\n-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n{lines}\n-----END PGP PUBLIC KEY BLOCK-----\n",
        random.text(340, BASE62), random.text(43, BASE62), random.text(330, BASE62), base64(&random.bytes(32)),
        random.text(43, BASE64URL), random.text(43, BASE64URL), random.uuid(), random.text(58, LOWER), base64(&random.bytes(300)),
        base64(&random.bytes(32)),
    ));
    file
}

fn pictures(random: &mut Random, round: usize) -> File {
    let mut file = File::new(format!("web{round}/style.css"));
    for _ in 0..4 {
        file.fooling("pictures and colours", &format!(
            "  background: url(data:image/png;base64,iVBORw0KGgo{});\n  src: url(data:font/woff2;base64,d09GMgAB{}) format('woff2');\n\
             <img src=\"data:image/gif;base64,R0lGODlh{}\" alt=\"token\">\n  color: #{}; border-color: #{};\n  --key-color: #{};\n\
             <path d=\"M{}.5 {}.25c1.1-.2 3.4-5 3.9-7.2l-{} {}z\"/>\n\"mappings\": \"AAAA,{};{}\",",
            base64(&random.bytes(400)), base64(&random.bytes(500)), base64(&random.bytes(200)), random.text(6, HEX), random.text(3, HEX),
            random.text(6, HEX), random.below(90), random.below(90), random.below(90), random.below(90), random.text(300, BASE62), random.text(80, BASE62),
        ));
    }
    file
}

fn minified(random: &mut Random, round: usize) -> File {
    let mut file = File::new(format!("web{round}/bundle.min.js"));
    for _ in 0..6 {
        let mut line = String::from("!function(e,t){\"use strict\";");
        for _ in 0..40 {
            let [a, b, c] = [1, 2, 1].map(|length| random.text(length, LOWER));
            line += random
                .one(&[
                    "var A=B.token||C.key;",
                    "A.password=B;",
                    "if(A.secret===B)return C(A.key);",
                    "A={key:B,token:C,type:\"password\"};",
                    "B.prototype.getToken=function(A){return A.apiKey};",
                    "A.setPassword(B),C.accessToken=A;",
                    "case\"password\":A=B;break;",
                    "function A(B){return B.replace(/[^a-z]/g,\"\")+C}",
                    "A[\"secret_key\"]=B.secretKey;",
                    "A.headers.Authorization=\"Bearer \"+B;",
                ])
                .replace('A', &a)
                .replace('B', &b)
                .replace('C', &c)
                .as_str();
        }
        file.fooling(
            "minified code",
            &format!(
                "{line}}}(window,{{\"{}\":{}}});",
                random.text(20, HEX),
                random.below(9999)
            ),
        );
    }
    file
}

/// Values that standards and test suites publish.
fn vectors(random: &mut Random, round: usize) -> File {
    let mut file = File::new(format!("crypto{round}/tests/vectors.txt"));
    let jwt_io = [
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9",
        "eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ",
        "SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
    ]
    .join(".");
    file.fooling("published examples", &format!(
        "KEY = 2b7e151628aed2a6abf7158809cf4f3c\nPLAINTEXT = 6bc1bee22e409f96e93d7e117393172a\nCIPHERTEXT = 3ad77bb40d7a3660a89ecaf32466ef97\n\
         Key = 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\nCOUNT = {round}\naws_access_key_id = AK{}IAIOSFODNN7EXAMPLE\n\
         aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLE{}KEY\ntoken = \"{jwt_io}\"\nAuthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\n\
         Tag = {}\nMsg = {}\nDigest = {}\nPASSWORD = correct horse battery staple\n  key: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "", "", random.text(32, HEX), random.text(64, HEX), random.text(64, HEX),
    ));
    file
}

fn addresses(random: &mut Random, round: usize) -> File {
    let mut file = File::new(format!("docs{round}/links.md"));
    file.fooling("URLs without a password", &format!(
        "https://app@git.shop.example/shop/web.git\nssh://git@git.shop.example:22/shop/web.git\nhttps://shop.example/reset?token={{token}}&user={{id}}\n\
         postgres://localhost:5432/shop\nhttps://$USER:$PASS@git.shop.example\nredis://cache:6379/0\nhttps://shop.example:8443/@scope/package@1.2.3\n\
         mailto:help@shop.example\nhttps://registry.npmjs.org/@types/node/-/node-18.0.0.tgz\nhttps://cdn.shop.example/{}/app.js?v={}\n\
         http://${{USERNAME}}:${{PASSWORD}}@proxy:3128\nhttps://shop.example/commit/{}\nmongodb://user:pass@localhost/test\nhttps://www.shop.example/p/{}?ref={}\n\
         jdbc:mysql://db:3306/shop?user=app&password=\nServer=db;Database=shop;Integrated Security=true\nhttps://{{user}}:{{password}}@shop.example",
        random.text(32, HEX), random.text(8, HEX), random.text(40, HEX), random.text(12, BASE62), random.text(16, BASE62),
    ));
    file
}

/// Encrypted for the repository: fit to be there.
fn sealed(random: &mut Random, round: usize) -> File {
    let mut file = File::new(format!("deploy{round}/sealed.yaml"));
    file.fooling("sealed values", &format!(
        "    password: ENC[AES256_GCM,data:{},iv:{},tag:{},type:str]\n  encryptedData:\n    password: AgB{}\n    lastmodified: \"2024-05-01T10:00:00Z\"\n\
         \x20   mac: ENC[AES256_GCM,data:{},iv:{},tag:{},type:str]\n  secure: \"{}\"\npassword: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  {}",
        base64(&random.bytes(12)), base64(&random.bytes(32)), base64(&random.bytes(16)), base64(&random.bytes(400)), base64(&random.bytes(64)),
        base64(&random.bytes(32)), base64(&random.bytes(16)), base64(&random.bytes(256)), random.text(80, "0123456789"),
    ));
    file
}
