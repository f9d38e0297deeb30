//! The linear model, built for a quick start of the simplex.
//!
//! Of import and export the one that is idle's is eliminated in each interval (it is the row's
//! slack), so that doing nothing satisfies every balance row and the costs left on the columns are
//! already the reduced costs of a good guess. Rows that seldom bind, the stored energy at each
//! boundary and the connection's limits, are left out and added only where an answer breaks them.
//! An answer that breaks none is optimal for the whole model.

use microlp::{ComparisonOp, LinearExpr, OptimizationDirection, Variable};

mod rounds;

use super::SolveError;
use super::frame::Frame;
use super::settle::{Decisions, closed_cost};

/// The columns of one storage.
struct StoreColumns {
    charge: Vec<Option<Variable>>,
    discharge: Vec<Option<Variable>>,
    /// Trip energy left out, per departure.
    relief: Vec<Variable>,
}

/// The row of one interval: `sum(terms) >= low`, and `<= high` when it was needed.
#[derive(Default)]
struct Row {
    terms: Vec<(Variable, f64)>,
    low: f64,
    high: f64,
    is_high_in: bool,
}

pub(super) struct Linear<'f, 'p> {
    frame: &'f Frame<'p>,
    lp: microlp::Problem,
    stores: Vec<StoreColumns>,
    jobs: Vec<Vec<Option<Variable>>>,
    rows: Vec<Option<Row>>,
    spill: Vec<Option<Variable>>,
}

/// Solves the linear model.
///
/// # Errors
/// When microlp gives up.
pub(super) fn solve(frame: &Frame<'_>) -> Result<(Decisions, f64), SolveError> {
    let mut model = Linear {
        frame,
        lp: microlp::Problem::new(OptimizationDirection::Minimize),
        stores: Vec::new(),
        jobs: Vec::new(),
        rows: (0..frame.horizon()).map(|_| None).collect(),
        spill: vec![None; frame.horizon()],
    };
    for t in 0..frame.horizon() {
        model.rows[t] = model.open_row(t);
    }
    model.add_stores();
    model.add_jobs();
    model.finish_rows();
    model.run()
}

impl Linear<'_, '_> {
    /// Whether idling imports in `t`: then import is the slack, else export.
    fn imports(&self, t: usize) -> bool {
        self.frame.net[t] >= 0.0
    }

    /// Price of the eliminated flow: what drawing one more kWh costs at the guess.
    fn price(&self, t: usize) -> f64 {
        if self.imports(t) {
            self.frame.retail[t] + self.sale_mark(t)
        } else {
            self.frame.feed_in[t]
        }
    }

    /// One meter nets: a kWh imported while a sale is due is a kWh of the sale not delivered.
    fn sale_mark(&self, t: usize) -> f64 {
        if self.frame.sold[t] > 0.0 { self.frame.penalty.sale } else { 0.0 }
    }

    /// The columns that stand for flows at the connection, and their row.
    fn open_row(&mut self, t: usize) -> Option<Row> {
        if !self.frame.is_open(t) {
            return None;
        }
        let (f, imports, price) = (self.frame, self.imports(t), self.price(t));
        let (net, import_max, export_max) = (f.net[t], f.import_max[t], f.export_max[t]);
        let (retail, feed_in) = (f.retail[t] + self.sale_mark(t), f.feed_in[t]);
        let mut row = Row::default();
        // In an importing interval the row counts what adds to import, else what adds to export.
        if imports {
            row.low = -net;
            row.high = import_max - net;
            let export = self.lp.add_var(retail - feed_in, (0.0, export_max));
            row.terms.push((export, 1.0));
        } else {
            row.low = net;
            row.high = export_max + net;
            let import = self.lp.add_var(retail - feed_in, (0.0, import_max));
            row.terms.push((import, 1.0));
        }
        let side = if imports { 1.0 } else { -1.0 };
        if f.spill_max[t] > 0.0 && (f.may_drain || -net > export_max) {
            let spill = self.lp.add_var(price, (0.0, f.spill_max[t]));
            row.terms.push((spill, side));
            self.spill[t] = Some(spill);
        }
        if f.untaken_max[t] > export_max {
            let untaken = self.lp.add_var(f.penalty.sale + price, (0.0, f.untaken_max[t]));
            row.terms.push((untaken, side));
        }
        if f.sold[t] > 0.0 {
            let short = self.lp.add_var(f.penalty.sale - price, (0.0, f.sold[t]));
            row.terms.push((short, -side));
        }
        if imports && net > import_max {
            let overload = self.lp.add_var(f.penalty.overload, (0.0, net - import_max));
            row.terms.push((overload, -1.0));
        }
        Some(row)
    }

    /// Puts a column into the balance of `t`: `drawn` is what it takes from the site per unit.
    fn draw(&mut self, t: usize, column: Variable, drawn: f64) {
        let side = if self.imports(t) { drawn } else { -drawn };
        if let Some(row) = &mut self.rows[t] {
            row.terms.push((column, side));
        }
    }

    fn add_stores(&mut self) {
        let f = self.frame;
        for store in &f.stores {
            let mut columns = StoreColumns {
                charge: vec![None; f.horizon()],
                discharge: vec![None; f.horizon()],
                relief: Vec::new(),
            };
            for t in (0..f.horizon()).filter(|t| store.is_active(*t)) {
                let price = self.price(t);
                if store.charge[t] > 0.0 {
                    let cost = price - store.terminal * store.eta_c;
                    let c = self.lp.add_var(cost, (0.0, store.charge[t]));
                    self.draw(t, c, 1.0);
                    columns.charge[t] = Some(c);
                }
                if store.discharge[t] > 0.0 {
                    let cost = store.wear + store.terminal / store.eta_d - price;
                    let d = self.lp.add_var(cost, (0.0, store.discharge[t]));
                    self.draw(t, d, -1.0);
                    columns.discharge[t] = Some(d);
                }
            }
            for departure in &store.departures {
                let cost = f.penalty.trip - store.terminal;
                columns.relief.push(self.lp.add_var(cost, (0.0, departure.trip_wh)));
            }
            self.stores.push(columns);
        }
        for s in 0..f.stores.len() {
            self.add_soft_rows(s);
        }
    }

    /// Departures, the floor when it is broken already, and the end under `hold`: with slack.
    fn add_soft_rows(&mut self, s: usize) {
        let (f, store) = (self.frame, &self.frame.stores[s]);
        let mut soft: Vec<(usize, f64, f64)> =
            store.departures.iter().map(|d| (d.at, d.due_wh, f.penalty.departure)).collect();
        let floors =
            (0..f.horizon()).filter_map(|t| Some((t + 1, store.owes(t)?, f.penalty.floor)));
        soft.extend(floors);
        if let Some(price) = store.hold {
            soft.push((f.horizon(), store.initial, price));
        }
        for (boundary, wanted, price) in soft {
            let slack = self.lp.add_var(price, (0.0, wanted.max(0.0)));
            let (mut row, fixed) = self.stored(s, boundary);
            row.add(slack, 1.0);
            self.lp.add_constraint(row, ComparisonOp::Ge, wanted - fixed);
        }
    }

    /// Stored energy of `s` at `boundary`: an expression and its constant.
    fn stored(&self, s: usize, boundary: usize) -> (LinearExpr, f64) {
        let (store, columns) = (&self.frame.stores[s], &self.stores[s]);
        let (mut row, mut fixed) = (LinearExpr::empty(), store.initial);
        for t in 0..boundary {
            if let Some(c) = columns.charge[t] {
                row.add(c, store.eta_c);
            }
            if let Some(d) = columns.discharge[t] {
                row.add(d, -1.0 / store.eta_d);
            }
        }
        for (departure, relief) in store.departures.iter().zip(&columns.relief) {
            if departure.at < boundary {
                row.add(*relief, 1.0);
                fixed -= departure.trip_wh;
            }
        }
        (row, fixed)
    }

    fn add_jobs(&mut self) {
        let (f, n) = (self.frame, self.frame.horizon());
        for (j, job) in f.problem.jobs.iter().enumerate() {
            let (energy, power, later) = f.job(j);
            let mut columns = vec![None; n];
            let mut row = LinearExpr::empty();
            for (t, column) in columns.iter_mut().enumerate().take(job.until).skip(job.from) {
                let y = self.lp.add_var(self.price(t), (0.0, power));
                self.draw(t, y, 1.0);
                row.add(y, 1.0);
                *column = Some(y);
            }
            row.add(self.lp.add_var(f.penalty.job, (0.0, energy)), 1.0);
            if later > 0.0 {
                row.add(self.lp.add_var(f.later_price(), (0.0, later)), 1.0);
            }
            self.lp.add_constraint(row, ComparisonOp::Eq, energy);
            self.jobs.push(columns);
        }
    }

    fn finish_rows(&mut self) {
        for row in self.rows.iter_mut().flatten() {
            self.lp.add_constraint(row.terms.as_slice(), ComparisonOp::Ge, row.low);
            // Idling already breaks the limit: the row will be needed, so it is there at once.
            if row.high < 0.0 {
                self.lp.add_constraint(row.terms.as_slice(), ComparisonOp::Le, row.high);
                row.is_high_in = true;
            }
        }
    }

    /// The part of the cost that no column carries.
    fn constant(&self) -> f64 {
        let f = self.frame;
        let trips =
            |s: &super::frame::StoreFrame| s.departures.iter().map(|d| d.trip_wh).sum::<f64>();
        let stores: f64 = f.stores.iter().map(|s| -s.terminal * (s.initial - trips(s))).sum();
        let open = (0..f.horizon()).filter(|t| self.rows[*t].is_some());
        stores + open.map(|t| self.price(t) * f.net[t]).sum::<f64>() + closed_cost(f)
    }
}

pub(super) fn solver_error(error: microlp::Error) -> SolveError {
    SolveError::Solver(error.to_string())
}
