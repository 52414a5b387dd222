//! What leaves before the pack: ref names and push options.

use exeat_gitwire::push_request::PushRequest;
use exeat_rules::Site;

use crate::{
    coverage::Coverage,
    examine::{Examined, Examiner},
    finding::{Finding, Part, Place},
    missed,
    names::Names,
    overlap,
    report::Unscannable,
};

/// The inspected head of a push.
#[derive(Default)]
pub struct Head {
    pub findings: Vec<Finding>,
    pub unscannable: Vec<Unscannable>,
    pub coverage: Coverage,
    /// The refs as they may be shown, in the order of the commands.
    pub refs: Vec<String>,
}

/// Scans every ref name (of deletions too: the name leaves all the same) and every push option.
pub fn examine(examiner: &mut Examiner, request: &PushRequest) -> Head {
    let mut head = Head::default();
    for command in &request.commands {
        let shown = Names::new(examiner).show(&command.name);
        let examined = examiner.examine_name(&command.name);
        head.take(examiner, examined, Part::RefName, shown.clone());
        head.refs.push(shown);
    }
    for (index, option) in request.options.iter().enumerate() {
        let shown = format!("push option {}", index + 1);
        let examined = examiner.examine(option);
        head.take(examiner, examined, Part::PushOption, shown);
    }
    head.coverage.refs = request.commands.len() as u64;
    head.coverage.options = request.options.len() as u64;
    head.coverage.not_scannable = head.unscannable.len() as u64;
    head
}

impl Head {
    fn take(&mut self, examiner: &Examiner, examined: Examined, part: Part, shown: String) {
        for (steps, why) in missed::reasons(&examined) {
            let missed = missed::unscannable(shown.clone(), steps, why, 0, Vec::new());
            self.unscannable.push(missed);
        }
        self.coverage.count_decoded(&examined.decoded);
        let nowhere = Site {
            path: None,
            commit: None,
        };
        let rules = examiner.rules();
        let mut told = Vec::new();
        for hit in examined.hits {
            let standing = rules.standing(&hit.found, &nowhere);
            let Some(hiding) = examiner.strength().finds(standing) else {
                continue;
            };
            let place = Place::outside_history(part, shown.clone(), &hit);
            told.push(overlap::Standing {
                text: hit.scope(),
                secret: hit.in_scope(),
                is_generic: rules.rule(hit.found.rule).is_generic(),
                finding: Finding::of_hit(rules, &hit, place).hidden_by(hiding),
            });
        }
        self.findings
            .extend(overlap::strongest(told, examiner.strength()));
    }
}
