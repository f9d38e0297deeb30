//! Rows of the full model at the meter: jobs, and what each interval takes from the grid or gives.

use microlp::{ComparisonOp, LinearExpr, Variable};

use super::Full;
use crate::local::schedule::frame::StoreFrame;

impl Full<'_, '_> {
    pub(super) fn add_jobs(&mut self) {
        let f = self.frame;
        for (j, job) in f.problem.jobs.iter().enumerate() {
            let (energy, power, later) = f.job(j);
            if job.is_run_once {
                self.add_run(j, energy, later);
                continue;
            }
            let mut columns = vec![None; f.horizon()];
            let mut sum = LinearExpr::empty();
            for (t, column) in columns.iter_mut().enumerate().take(job.until).skip(job.from) {
                let y = self.lp.add_var(0.0, (0.0, power));
                self.balance[t].add(y, -1.0);
                *column = Some(y);
                sum.add(y, 1.0);
            }
            sum.add(self.lp.add_var(f.penalty.job, (0.0, energy)), 1.0);
            sum.add(self.lp.add_var(f.later_price(), (0.0, later)), 1.0);
            self.lp.add_constraint(sum, ComparisonOp::Eq, energy);
            self.jobs.push(columns);
        }
    }

    /// A job that runs in one go: one yes-or-no column per start.
    fn add_run(&mut self, j: usize, energy: f64, later: f64) {
        let (f, job, run) = (self.frame, &self.frame.problem.jobs[j], self.frame.run(j));
        let n = f.horizon();
        let mut columns = vec![None; n];
        let mut chosen = LinearExpr::empty();
        let mut rows: Vec<Vec<(Variable, f64)>> = vec![Vec::new(); n];
        for start in (job.from..n).take_while(|s| s + run.len() <= job.until) {
            // What runs beyond the horizon is paid as what waits is.
            let beyond: f64 = run.iter().skip(n - start).sum();
            let starts = self.lp.add_binary_var(beyond * f.later_price());
            chosen.add(starts, 1.0);
            for (t, wh) in (start..n).zip(&run) {
                rows[t].push((starts, -wh));
            }
        }
        for (t, mut row) in rows.into_iter().enumerate().filter(|(_, row)| !row.is_empty()) {
            let y = self.lp.add_var(0.0, (0.0, f64::INFINITY));
            self.balance[t].add(y, -1.0);
            columns[t] = Some(y);
            row.push((y, 1.0));
            self.row(&row, ComparisonOp::Eq, 0.0);
        }
        let (price, most) = match later > 0.0 {
            true => (f.later_price(), 1.0),
            false => (f.penalty.job, 1.0),
        };
        chosen.add(self.lp.add_var(price * energy, (0.0, most)), 1.0);
        self.lp.add_constraint(chosen, ComparisonOp::Eq, 1.0);
        self.jobs.push(columns);
    }

    pub(super) fn add_meter(&mut self, t: usize) {
        let f = self.frame;
        if !f.is_open(t) {
            return;
        }
        let chooses = self.choices.meter.contains(&t);
        let sold = f.sold[t];
        let mark = if sold > 0.0 && !chooses { f.penalty.sale } else { 0.0 };
        let import = self.lp.add_var(f.retail[t] + mark, (0.0, f.import_max[t]));
        let overload = self.lp.add_var(
            f.retail[t] + mark + f.penalty.overload,
            (0.0, (f.net[t] - f.import_max[t]).max(0.0)),
        );
        let export = self.lp.add_var(-f.feed_in[t], (0.0, f.export_max[t]));
        let spill = self.lp.add_var(0.0, (0.0, f.spill_max[t]));
        self.spill[t] = Some(spill);
        let short = self.lp.add_var(f.penalty.sale, (0.0, sold));
        let untaken = self.lp.add_var(f.penalty.sale, (0.0, f.untaken_max[t]));
        let mut balance = std::mem::replace(&mut self.balance[t], LinearExpr::empty());
        for (column, sign) in [
            (import, 1.0),
            (overload, 1.0),
            (export, -1.0),
            (spill, -1.0),
            (short, 1.0),
            (untaken, -1.0),
        ] {
            balance.add(column, sign);
        }
        self.lp.add_constraint(balance, ComparisonOp::Eq, f.net[t]);
        if let Some(out) = self.pooled[t] {
            self.row(&[(out, 1.0), (export, 1.0)], ComparisonOp::Le, f.export_max[t]);
        }
        if chooses {
            self.choose_meter(t, [import, overload, export, short], [spill, untaken]);
        }
    }

    /// Either import (and no sale, no export), or give.
    fn choose_meter(
        &mut self,
        t: usize,
        [import, overload, export, short]: [Variable; 4],
        [spill, untaken]: [Variable; 2],
    ) {
        let f = self.frame;
        let sum = |of: &dyn Fn(&StoreFrame) -> f64| f.stores.iter().map(of).sum::<f64>();
        let gives = (sum(&|s| s.discharge[t]) - f.net[t]).max(0.0);
        let (most, room) = (f.import_max[t].min(f.needs(t)), f.export_max[t].min(gives));
        if most <= 0.0 {
            self.row(&[(import, 1.0)], ComparisonOp::Le, 0.0);
            return;
        }
        if room <= 0.0 && f.sold[t] <= 0.0 && self.pooled[t].is_none() {
            // What is exported here could only have been imported in the same interval.
            self.row(&[(export, 1.0)], ComparisonOp::Le, 0.0);
            return;
        }
        let takes = self.lp.add_binary_var(0.0);
        self.row(&[(import, 1.0), (takes, -most)], ComparisonOp::Le, 0.0);
        let over = (f.net[t] - f.import_max[t]).max(0.0);
        self.row(&[(overload, 1.0), (takes, -over)], ComparisonOp::Le, 0.0);
        let room = if self.pooled[t].is_some() { f.export_max[t] } else { room };
        let mut out = vec![(export, 1.0), (takes, room)];
        out.extend(self.pooled[t].map(|pooled| (pooled, 1.0)));
        self.row(&out, ComparisonOp::Le, room);
        if f.sold[t] > 0.0 {
            self.row(&[(short, 1.0), (takes, -f.sold[t])], ComparisonOp::Ge, 0.0);
        }
        self.say_what_flows(
            t,
            takes,
            [(import, 1.0), (spill, -1.0), (untaken, -1.0)],
            [(export, 1.0), (short, -1.0)],
        );
    }

    /// What is imported is used, and what is exported was there: true of every answer, and it keeps
    /// half a choice from importing and exporting at once, so that far fewer must be tried.
    fn say_what_flows(
        &mut self,
        t: usize,
        takes: Variable,
        taken: [(Variable, f64); 3],
        given: [(Variable, f64); 2],
    ) {
        let net = self.frame.net[t];
        let (mut taken, mut given) = (taken.to_vec(), given.to_vec());
        taken.push((takes, -net));
        taken.extend(self.stores.iter().map(|(charge, _, _)| (charge[t], -1.0)));
        taken.extend(self.jobs.iter().filter_map(|job| Some((job[t]?, -1.0))));
        self.row(&taken, ComparisonOp::Le, 0.0);
        given.push((takes, -net));
        given.extend(self.stores.iter().map(|(_, discharge, _)| (discharge[t], -1.0)));
        given.extend(self.pooled[t].map(|pooled| (pooled, 1.0)));
        self.row(&given, ComparisonOp::Le, -net);
    }
}
