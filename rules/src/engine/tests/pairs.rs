//! Both halves of an access key of AWS, however a file names them and in whichever order they stand.

use super::*;
use crate::{Action, builtin, template};

/// @I is the id, @S the secret; none of the names is one that a rule knows.
const FORMS: &[&str] = &[
    "AWS_ACCESS_KEY_ID=@I\nAWS_SECRET_ACCESS_KEY=@S\n",
    "BUCKET_USER=@I\nBUCKET_CODE=@S\n",
    "BUCKET_CODE=@S\nBUCKET_USER=@I\n",
    "BUCKET_USER=@I\nREGION=eu-west-1\nBUCKET=b\nBUCKET_CODE=@S\n",
    "BUCKET_CODE=@S\nREGION=eu-west-1\nBUCKET=b\nBUCKET_USER=@I\n",
    "[s3]\nid = @I\nkey = @S\n",
    "[s3]\nkey = @S\nid = @I\n",
    "{\"id\": \"@I\", \"value\": \"@S\"}\n",
    "{\n  \"id\": \"@I\",\n  \"region\": \"eu\",\n  \"value\": \"@S\"\n}\n",
    "{\n  \"value\": \"@S\",\n  \"region\": \"eu\",\n  \"id\": \"@I\"\n}\n",
    "s3:\n  id: @I\n  code: @S\n",
    "s3:\n  code: @S\n  id: @I\n",
    "s3:\n  id: \"@I\"\n  region: eu\n  bucket: b\n  code: \"@S\"\n",
    "client(\"s3\", \"@I\", \"@S\")\n",
    "client(\"s3\", \"@S\", \"@I\")\n",
    "client(\n    \"@I\",\n    \"@S\",\n)\n",
    "client(\n    \"@S\",\n    \"@I\",\n)\n",
    "user = '@I'\nbucket = 'b'\ncode = '@S'\n",
    "locals {\n  u = \"@I\"\n  p = \"@S\"\n}\n",
    "locals {\n  p = \"@S\"\n  u = \"@I\"\n}\n",
    "<id>@I</id>\n<code>@S</code>\n",
    "Access key ID,Secret access key\n@I,@S\n",
    "s3://@I:@S@bucket/\n",
    "@I\n@S\n",
];

#[test]
fn the_secret_is_found_in_every_form() {
    let rules = RuleSet::compile(&builtin()).unwrap().rules;
    let mut missed = Vec::new();
    for seed in ["a", "b", "c"] {
        let expanded = |template: &str| template::expand(template).unwrap();
        let id = expanded(&format!("{{{{join AK IA}}}}{{{{base32 16 {seed}}}}}"));
        let secret = expanded(&format!("{{{{base64 40 {seed}}}}}"));
        for form in FORMS {
            let text = form.replace("@I", &id).replace("@S", &secret);
            let found = scan(&rules, &text);
            let told = |wanted: &str| {
                let mut of = found
                    .iter()
                    .filter(|found| &text[found.secret.clone()] == wanted);
                of.any(|found| rules.action(found) == Action::Block)
            };
            if !told(&secret) {
                let told = found.iter().map(|found| &rules.rules()[found.rule].id);
                missed.push((form, told.cloned().collect::<Vec<_>>()));
            }
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}
