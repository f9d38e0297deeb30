//! Jobs that can wait: they run when told, and always finish within their window.

use std::sync::Arc;

use gridpact_agents::resource::nature::Deferrable;
use gridpact_chain::terms::Interval;

/// The jobs of one device and what is left of each.
#[derive(Debug, Clone)]
pub struct Jobs {
    jobs: Arc<[Deferrable]>,
    left_wh: Vec<u64>,
    interval_s: u64,
}

impl Jobs {
    /// All jobs as they stand at `start`: earlier ones ran as soon as their window opened.
    #[must_use]
    pub fn new(jobs: &Arc<[Deferrable]>, start: Interval, interval_s: u32) -> Self {
        let interval_s = u64::from(interval_s.max(1));
        let left = |job: &Deferrable| {
            let past = u64::from(start.0.saturating_sub(job.from.0));
            job.energy_wh.saturating_sub(past * most(job, interval_s))
        };
        Self { jobs: Arc::clone(jobs), left_wh: jobs.iter().map(left).collect(), interval_s }
    }

    /// What all jobs draw in `at` when each runs as soon as its window opens, Wh.
    #[must_use]
    pub fn unshifted_wh(&self, at: Interval) -> u64 {
        let draw = |job: &Deferrable| {
            let most = most(job, self.interval_s);
            let past = u64::from(at.0.checked_sub(job.from.0)?);
            Some(job.energy_wh.saturating_sub(past * most).min(most))
        };
        self.jobs.iter().filter_map(draw).sum()
    }

    /// Runs open jobs for `wish_wh` in all, the most urgent first, or as fast as they can without a
    /// wish; a job that would no longer fit into its window runs anyway.
    pub fn run(&mut self, at: Interval, wish_wh: Option<u64>) -> u64 {
        let mut wish = wish_wh.unwrap_or(u64::MAX);
        let mut drawn = 0;
        for (i, most) in self.open(at) {
            let job = &self.jobs[i];
            let later = u64::from(job.until.0.saturating_sub(at.0 + 1)) * most;
            let due = self.left_wh[i].saturating_sub(later);
            let now = wish.max(due).min(most).min(self.left_wh[i]);
            wish = wish.saturating_sub(now);
            self.left_wh[i] -= now;
            drawn += now;
        }
        drawn
    }

    /// Unfinished jobs whose window is open before `horizon`, each with what it still needs.
    #[must_use]
    pub fn pending(&self, now: Interval, horizon: Interval) -> Vec<Deferrable> {
        let known = self.jobs.iter().zip(&self.left_wh);
        known
            .filter(|(job, left)| job.from < horizon && job.until > now && **left > 0)
            .map(|(job, left)| Deferrable { from: job.from.max(now), energy_wh: *left, ..*job })
            .collect()
    }

    /// Open jobs by urgency, with the most each can draw in one interval.
    fn open(&self, at: Interval) -> Vec<(usize, u64)> {
        let open = |job: &Deferrable| job.from <= at && at < job.until;
        let mut open: Vec<usize> =
            (0..self.jobs.len()).filter(|i| self.left_wh[*i] > 0 && open(&self.jobs[*i])).collect();
        open.sort_by_key(|i| self.jobs[*i].until);
        open.into_iter().map(|i| (i, most(&self.jobs[i], self.interval_s))).collect()
    }
}

/// The most a job can draw in one interval, Wh; rounded up, so that a window that is just long
/// enough suffices.
fn most(job: &Deferrable, interval_s: u64) -> u64 {
    (job.power_w * interval_s).div_ceil(3600).max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn jobs(start: u32) -> Jobs {
        let job = |from, until, energy_wh| Deferrable {
            from: Interval(from),
            until: Interval(until),
            energy_wh,
            power_w: 1_000,
            is_run_once: false,
        };
        let list: Arc<[Deferrable]> = Arc::new([job(10, 16, 1_200), job(12, 15, 700)]);
        Jobs::new(&list, Interval(start), 1800)
    }

    #[test]
    fn without_a_wish_jobs_run_at_the_start_of_their_window() {
        let mut all = jobs(10);
        let ran: Vec<u64> = (10..16).map(|at| all.run(Interval(at), None)).collect();
        assert_eq!(ran, [500, 500, 700, 200, 0, 0]);
        let plain: Vec<u64> = (10..16).map(|at| all.unshifted_wh(Interval(at))).collect();
        assert_eq!(plain, ran);
    }

    #[test]
    fn what_ran_before_the_start_is_not_run_again() {
        assert_eq!(jobs(11).pending(Interval(11), Interval(20))[0].energy_wh, 700);
        assert_eq!(jobs(13).pending(Interval(13), Interval(20)).len(), 1);
    }

    proptest! {
        #[test]
        fn every_job_finishes_in_its_window(wishes in proptest::collection::vec(0_u64..1_500, 6)) {
            let mut all = jobs(10);
            let ran: u64 = (10..16).zip(wishes).map(|(at, wh)| all.run(Interval(at), Some(wh))).sum();
            prop_assert_eq!(ran, 1_900);
            prop_assert!(all.pending(Interval(10), Interval(99)).is_empty());
        }
    }
}
