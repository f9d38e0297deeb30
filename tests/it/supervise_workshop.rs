//! The workshop: in order on virtual time, whatever the number of threads; all of it on real time.
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gridpact::supervise::{Delivery, Job, Workshop, real_system, spawn, virtual_system, within};

type Log = Arc<Mutex<Vec<u64>>>;

fn job(number: u64, log: &Log) -> Job {
    let (done, failed) = (Arc::clone(log), Arc::clone(log));
    let work = move || {
        assert!(number % 10 != 7, "job {number}");
        let sum = (0..number * 100).fold(number, |sum, step| sum.rotate_left(3) ^ step);
        let delivery: Delivery =
            Box::new(move || done.lock().expect("not poisoned").push(number ^ (sum & 0xff) << 32));
        delivery
    };
    Job::new(work).on_panic(move |text| {
        assert_eq!(text, format!("job {number}"));
        failed.lock().expect("not poisoned").push(u64::MAX - number);
    })
}

fn in_virtual_time(threads: usize) -> Vec<u64> {
    let log = Log::default();
    virtual_system().block_on(async {
        let (spec, tally) = Workshop::spec("node/workshop", Some(threads), 4096);
        let workshop = spawn(spec);
        let port = workshop.port::<Job>();
        for number in 0..1000 {
            port.tell(job(number, &log)).expect("there is room");
        }
        port.tell(Job::new(|| Box::new(|| panic!("a delivery")))).expect("there is room");
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!((tally.done(), tally.panicked()), (901, 101));
        assert_eq!(workshop.health().panics, 0);
    });
    let told = log.lock().expect("not poisoned");
    told.clone()
}

#[test]
fn deliveries_follow_the_order_of_submission_whatever_the_number_of_threads() {
    let alone = in_virtual_time(1);
    assert_eq!(alone.len(), 1000);
    assert_eq!(alone[7], u64::MAX - 7);
    assert_eq!(alone, in_virtual_time(2));
    assert_eq!(alone, in_virtual_time(5));
}

#[test]
fn real_threads_do_everything_and_hold_the_mailbox_back() {
    let log = Log::default();
    real_system().block_on(async {
        let (spec, tally) = Workshop::spec("node/workshop", Some(2), 8);
        let workshop = spawn(spec);
        let port = workshop.port::<Job>();
        for number in 0..500 {
            port.tell_wait(job(number, &log), within(Duration::from_secs(60)))
                .await
                .expect("the threads come along");
        }
        while tally.done() + tally.panicked() < 500 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(tally.panicked(), 50);
    });
    assert_eq!(log.lock().expect("not poisoned").len(), 500);
}
