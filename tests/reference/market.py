#!/usr/bin/env python3
"""An independent optimum for `gridpact bench welfare`: the exported case, as a linear programme for HiGHS.

Lets the program run small markets of several seeds, reads the CSV it exports, writes the programme of all
intervals from these files alone and compares the welfare of its optimum with the one the program reports.

    market.py PROGRAM [--cases 4] [--prosumers 10] [--scenario FILE.toml]

Exits 1 if an optimum differs by more than 1e-9 relative.
"""

import argparse
import collections
import csv
import json
import pathlib
import subprocess
import sys
import tempfile

import highspy

TOLERANCE = 1e-9


def table(path):
    with open(path) as file:
        return list(csv.DictReader(file))


def optimum(folder):
    """Most welfare of a case: columns are energies from an ask to a bid in the same interval."""
    bids, asks = table(folder / "bids.csv"), table(folder / "asks.csv")
    pairs = {(r["buyer"], r["seller"]): float(r["kwh"]) for r in table(folder / "limits.csv")}
    caps = {r["agent"]: float(r["kwh"]) for r in table(folder / "caps.csv")}
    budgets = [(r["store"], int(r["until_slot"]), float(r["kwh"])) for r in table(folder / "budget.csv")]
    here = collections.defaultdict(list)
    for ask in asks:
        here[ask["slot"]].append(ask)
    cost = []
    rows = collections.defaultdict(list)
    most = {}

    def row(key, limit, column):
        rows[key].append(column)
        most[key] = limit

    drawn = collections.defaultdict(list)
    for i, bid in enumerate(bids):
        for j, ask in enumerate(here[bid["slot"]]):
            pair = (bid["agent"], ask["agent"])
            if pair not in pairs:
                continue
            column = len(cost)
            cost.append(float(ask["price"]) - float(bid["price"]))
            slot = bid["slot"]
            row(("bid", i), float(bid["kwh"]), column)
            row(("ask", slot, j), float(ask["kwh"]), column)
            row(("pair", slot, *pair), pairs[pair], column)
            row(("line", slot, ask["agent"]), caps[ask["agent"]], column)
            if ask["store"]:
                drawn[ask["store"]].append((int(slot), column))
    for number, (store, until, limit) in enumerate(budgets):
        for slot, column in drawn[store]:
            if slot <= until:
                row(("budget", number), limit, column)
    if not cost:
        return 0.0, 0
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("threads", 1)
    lp, inf = highspy.HighsLp(), highspy.kHighsInf
    lp.num_col_, lp.num_row_ = len(cost), len(rows)
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = cost, [0.0] * len(cost), [inf] * len(cost)
    lp.row_lower_ = [-inf] * len(rows)
    lp.row_upper_ = [most[key] for key in rows]
    starts, index = [0], []
    for columns in rows.values():
        index += columns
        starts.append(len(index))
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = starts, index, [1.0] * len(index)
    solver.passModel(lp)
    solver.run()
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        sys.exit(f"{folder}: HiGHS finds no optimum")
    return -solver.getInfo().objective_function_value, len(cost)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--cases", type=int, default=4)
    parser.add_argument("--prosumers", type=int, default=10)
    parser.add_argument("--scenario")
    args = parser.parse_args()
    worst, columns = 0.0, 0
    for seed in range(1, args.cases + 1):
        with tempfile.TemporaryDirectory() as folder:
            call = [args.program, "bench", "welfare", "--json", "--export", folder, "--seed", str(seed)]
            call += ["--prosumers", str(args.prosumers)]
            call += ["--scenario", args.scenario] if args.scenario else []
            rows = {r["name"]: r for r in json.loads(subprocess.run(call, check=True, capture_output=True).stdout)}
            for mode in ("paper", "best"):
                reference, size = optimum(pathlib.Path(folder) / mode)
                stated = rows[f"welfare.{mode}"]["limit_value"]
                gap = abs(stated - reference) / max(1.0, abs(reference))
                if gap > TOLERANCE:
                    sys.exit(f"seed {seed}, {mode}: the program says {stated}, HiGHS says {reference}")
                worst, columns = max(worst, gap), columns + size
    print(f"{2 * args.cases} markets, {columns} columns: the optimum agrees, worst gap {worst:.1e}")


if __name__ == "__main__":
    main()
