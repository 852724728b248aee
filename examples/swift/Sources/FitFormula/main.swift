// Learns y = exp(sin(πx₁) + x₂²) from 1000 samples: trains [2, 5, 1] with L-BFGS, refines the grid twice, predicts.
//
// What it must get right: everything here is public API of the product SwiftKAN; held-out data are never trained on.

import SwiftKAN

func formula(_ x1: Double, _ x2: Double) -> Double { Double.exp(Double.sin(.pi * x1) + x2 * x2) }

/// `count` points in [-1, 1]², flat, and the formula's values there.
func samples(_ count: Int, _ random: inout MersenneTwister) -> (x: [Double], y: [Double]) {
    let x = (0..<(2 * count)).map { _ in 2 * random.uniformDouble() - 1 }
    return (x, (0..<count).map { formula(x[2 * $0], x[2 * $0 + 1]) })
}

/// A number ≥ 0 with a fixed count of decimals, 8 characters wide.
func column(_ value: Double, decimals: Int = 5) -> String {
    guard value.isFinite else { return "     nan" }
    let unit = (0..<decimals).reduce(1) { unit, _ in unit * 10 }
    let (whole, part) = Int((value * Double(unit)).rounded()).quotientAndRemainder(dividingBy: unit)
    let digits = String(part)
    let text = "\(whole).\(String(repeating: "0", count: decimals - digits.count))\(digits)"
    return String(repeating: " ", count: max(0, 8 - text.count)) + text
}

var random = MersenneTwister(seed: 0)
let train = samples(1000, &random)
let test = samples(1000, &random)

var settings = Settings(width: [2, 5, 1], grid: 3, k: 3)
settings.seed = 42
var network = try KAN<Double>(settings)

var options = FitOptions()
options.optimizer = .lbfgs
options.steps = 20

print("    grid  train RMSE   test RMSE   seconds")
let clock = ContinuousClock()
let start = clock.now
for grid in [3, 6, 12] {
    if grid > 3 {
        // A finer grid with the same function to begin with; its knots stay where they are.
        network = try network.refined(grid: grid, x: train.x)
        options.updateGrid = false
    }
    let begin = clock.now
    let report = try network.fit(x: train.x, y: train.y, test: test, options: options)
    let rmse = (train: (report.trainLoss.last ?? .nan).squareRoot(), test: (report.testLoss.last ?? .nan).squareRoot())
    let seconds = Double((clock.now - begin) / .milliseconds(1)) / 1000
    print("\(column(Double(grid), decimals: 1))    \(column(rmse.train))    \(column(rmse.test))  \(column(seconds, decimals: 2))")
}
print("trained in\(column(Double((clock.now - start) / .milliseconds(1)) / 1000, decimals: 2)) s\n")

print("     (x1, x2)   formula   network")
let points = [0.5, 0.1, 0.2, 0.5, 0.1, 0.9]
let predictions = try network.predict(points)
for (s, y) in predictions.enumerated() {
    let (x1, x2) = (points[2 * s], points[2 * s + 1])
    print("  (\(x1), \(x2))  \(column(formula(x1, x2)))  \(column(y))")
}
