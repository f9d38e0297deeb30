//! "Why did I get no deal?", asked of nodes whose actors have lived a day.

use gridpact_agents::social::{Account, Filling, SalesOutcome, TaskOutcome};
use gridpact_chain::terms::PartyId;

use super::Places;
use super::World;
use crate::observe::Observer;
use crate::report::Report;
use crate::report::Run;
use crate::report::explain::Explanation;
use crate::sim::baseline::Lives;
use crate::sim::faults::Crash;
use crate::sim::faults::Faults;
use crate::sim::faults::Role;
use crate::sim::founding::Founding;
use crate::sim::harvest;
use crate::sim::homes::Nursery;
use crate::sim::homes::first_epoch;
use crate::sim::homes::party_of;
use crate::sim::scenario::{Host, Scenario};
use crate::supervise::{self, AskError, within};
use gridpact_chain::terms::Epoch;
use gridpact_chain::terms::Interval;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// What is left of a world, with what its homes answer.
struct Told {
    accounts: Vec<Result<Account, AskError>>,
    observer: Observer,
    run: Run,
}

fn scenario() -> Scenario {
    Scenario { prosumers: 12, ..Scenario::default() }
}

/// Lives a day and asks every home that has actors of its own.
fn lived(scenario: &Scenario, faults: &Faults) -> Told {
    let dir = tempfile::tempdir().expect("tmp");
    let chain = dir.path().join("chain");
    let places = Places::from(&chain);
    let community = super::super::build(scenario).expect("possible");
    let founding = Founding::new(scenario, &community).expect("founded");
    let nursery = Rc::new(Nursery::new(scenario, Arc::new(community)));
    let observer = Observer::default();
    let watched = observer.clone();
    let (crop, accounts) = supervise::virtual_system().block_on(async {
        let world = World::raise(scenario, &nursery, &founding, &places, faults, watched);
        let mut world = world.expect("raised");
        world.live(faults, &|_, _| {}).await.expect("lived");
        let mut accounts = Vec::new();
        for home in &world.homes {
            accounts.push(home.why(within(Duration::from_secs(5))).await);
        }
        (world.reap().await.expect("reaped"), accounts)
    });
    let lives = Lives::of(&nursery);
    let run = harvest::run(scenario, &nursery.community, &founding, crop, &lives);
    Told { accounts, observer, run }
}

fn account(told: &Told, party: PartyId) -> &Account {
    told.accounts[party.0 as usize].as_ref().expect("an answer")
}

/// What the observer saw of one home since its account began.
fn seen(told: &Told, party: PartyId) -> (Vec<TaskOutcome>, Vec<SalesOutcome>) {
    let since = account(told, party).since.expect("it has heard something");
    let is_kept = |epoch: Epoch| epoch.starts_at(told.run.calendar.interval_s) >= since;
    told.observer.look(|seen| {
        let bought = seen.outcomes.iter().filter(|(p, o)| *p == party && is_kept(o.epoch));
        let sold = seen.sales.iter().filter(|(p, o)| *p == party && is_kept(o.epoch));
        (bought.map(|(_, o)| o.clone()).collect(), sold.map(|(_, o)| o.clone()).collect())
    })
}

#[test]
fn a_node_tells_why_it_got_no_deal_as_buyer_and_as_seller() {
    let told = lived(&scenario(), &Faults::default());
    let (mut without, mut unsold, mut sold) = (0, 0, 0);
    for site in 0..12 {
        let party = party_of(site);
        let account = account(&told, party);
        assert_eq!(account.party, party);
        let (bought, sales) = seen(&told, party);
        assert_eq!((&account.bought, &account.sold), (&bought, &sales), "what reports are told");
        for task in account.bought.iter().filter(|task| task.filling == Filling::Unfilled) {
            without += 1;
            let is_said = !task.reasons.0.is_empty() && task.members > 0;
            assert!(is_said || task.offers > 0, "{party} got nothing and no reason: {task:?}");
        }
        for round in &account.sold {
            sold += round.finals.len();
            if round.finals.is_empty() {
                unsold += 1;
                let reasons = round.refused.total() + round.lost.total();
                assert!(reasons >= round.asked, "{party} owes a reason: {round:?}");
            }
        }
    }
    assert!(without > 10 && unsold > 10 && sold > 10, "{without} {unsold} {sold}");
}

#[test]
fn an_explanation_is_what_the_node_answers() {
    let told = lived(&scenario(), &Faults::default());
    let interval_s = told.run.calendar.interval_s;
    let report = Report::new(told.run.clone()).expect("consistent");
    let mut lines = 0;
    for (site, name) in report.run().sites.iter().map(|site| &site.name).enumerate() {
        let account = account(&told, party_of(site));
        let since = account.since.expect("it has heard something");
        let is_kept = |epoch: u32| Interval(epoch).starts_at(interval_s) >= since;
        let explained = Explanation::of(&report, name).expect("a prosumer");
        let residual: Vec<_> = explained
            .unfilled
            .iter()
            .filter(|task| is_kept(task.epoch))
            .map(|task| (task.epoch, task.start, task.residual_wh, task.reasons.clone()))
            .collect();
        let lacking = account.bought.iter().filter(|task| task.residual.0 > 0);
        let answered: Vec<_> = lacking
            .map(|t| (t.epoch.0, t.block.start.0, t.residual.0, t.reasons.0.clone()))
            .collect();
        assert_eq!(residual, answered);
        let sales: Vec<_> = explained.sales.into_iter().filter(|r| is_kept(r.epoch)).collect();
        let answered: Vec<_> =
            account.sold.iter().map(crate::report::explain::Selling::from).collect();
        assert_eq!(sales, answered);
        let text = Explanation::of(&report, name).expect("a prosumer").text(&report);
        for task in account.bought.iter().filter(|task| !task.reasons.0.is_empty()) {
            if task.residual.0 > 0 {
                lines += 1;
                assert!(text.contains(&task.reasons.words()), "the same words: {text}");
            }
        }
    }
    assert!(lines > 10, "{lines}");
}

#[test]
fn a_home_whose_sca_was_reborn_tells_only_what_it_knows_and_from_when_on() {
    let (party, at) = (PartyId(3), 20);
    let community = super::super::build(&scenario()).expect("possible");
    let epoch = first_epoch(&community).plus(at);
    let crash = Crash { epoch, after_ms: 100, after_turns: 3, party, role: Role::Social };
    let told = lived(&scenario(), &Faults { crashes: vec![crash], ..Faults::default() });
    let began = epoch.starts_at(told.run.calendar.interval_s);
    let account = account(&told, party);
    let since = account.since.expect("it has heard something");
    assert!(since > began, "a later life's account: {since:?}");
    let mut early = 0;
    told.observer.look(|seen| {
        for (_, outcome) in seen.outcomes.iter().filter(|(p, _)| *p == party) {
            early += u32::from(outcome.epoch < epoch);
        }
    });
    assert!(early > 0, "there was something to forget");
    assert!(account.bought.iter().all(|task| task.epoch >= epoch), "nothing from before");
    assert!(account.sold.iter().all(|round| round.epoch >= epoch), "nothing from before");
    let (bought, sold) = seen(&told, party);
    let later = |epoch: Epoch| epoch.starts_at(told.run.calendar.interval_s) >= since;
    assert!(account.bought.iter().filter(|t| later(t.epoch)).eq(&bought), "all from then on");
    assert!(account.sold.iter().filter(|r| later(r.epoch)).eq(&sold), "all from then on");
    assert!(!sold.is_empty() || !bought.is_empty());
    let other = told.accounts[5].as_ref().expect("an answer");
    assert!(other.since < account.since, "the others are not affected");
}

#[test]
fn a_home_without_an_sca_of_its_own_says_so() {
    let mut scenario = scenario();
    scenario.scenario.host = Host::Shards;
    scenario.validators = Some(3);
    let told = lived(&scenario, &Faults::default());
    assert_eq!(told.accounts.len(), 3, "only voters have a node");
    assert!(told.accounts.iter().all(|answer| *answer == Err(AskError::Closed)));
    assert!(!told.run.sales.is_empty(), "reports hear of the rounds all the same");
}

#[test]
fn an_account_is_data_that_comes_back_whole() {
    let told = lived(&Scenario { prosumers: 6, ..Scenario::default() }, &Faults::default());
    for answer in &told.accounts {
        let account = answer.as_ref().expect("an answer");
        let json = serde_json::to_string(account).expect("data");
        let back: Account = serde_json::from_str(&json).expect("the same data");
        assert_eq!(&back, account);
    }
}
