// Options of training: what is refused, before anything changes, and pykan's defaults.

import Testing
@testable import SwiftKAN

private typealias Change = @Sendable (inout FitOptions) -> Void

private let refusals: [(what: String, change: Change)] = [
    ("steps is -1", { $0.steps = -1 }), ("steps is \(Int.max)", { $0.steps = .max }),
    ("history_size is 0", { $0.historySize = 0 }), ("max_iter is 0", { $0.maxIter = 0 }), ("max_eval is -5", { $0.maxEval = -5 }),
    ("patience is -1", { $0.patience = -1 }), ("grid_update_num is 0", { $0.gridUpdateNum = 0 }),
    ("lr is nan", { $0.lr = .nan }), ("lr is -1.0", { $0.lr = -1 }), ("lr is inf", { $0.lr = .infinity }),
    ("eps is -1e-08", { $0.eps = -1e-8 }), ("weight_decay is -0.1", { $0.weightDecay = -0.1 }), ("momentum is nan", { $0.momentum = .nan }),
    ("min_delta is -1.0", { $0.minDelta = -1 }), ("beta1 is 1.0", { $0.beta1 = 1 }), ("beta2 is -0.1", { $0.beta2 = -0.1 }),
    ("beta1 is nan", { $0.beta1 = .nan }), ("tolerance_grad is nan", { $0.toleranceGrad = .nan }),
    ("tolerance_change is -1.0", { $0.toleranceChange = -1 }), ("tolerance_ys is inf", { $0.toleranceYs = .infinity }),
    ("lr_factor contains nan", { $0.lrFactor = [1, .nan] }), ("lr_factor contains -1.0", { $0.lrFactor = [-1] }),
    ("lamb is nan", { $0.objective.lamb = .nan }), ("lamb_l1 is inf", { $0.objective.regularization.lambL1 = .infinity }),
    ("lamb_entropy is nan", { $0.objective.regularization.lambEntropy = .nan }),
    ("lamb_coef is nan", { $0.objective.regularization.lambCoef = .nan }),
    ("lamb_coefdiff is nan", { $0.objective.regularization.lambCoefdiff = .nan }),
    ("the custom loss needs", { $0.objective.loss = .custom }),
]

@Suite struct FitOptionsTests {
    @Test(arguments: refusals.indices)
    func refused(_ number: Int) throws {
        var options = FitOptions()
        refusals[number].change(&options)
        let network = try KAN<Double>(Settings(width: [1, 1]))
        let before = network.numbers
        do throws(KANError) {
            _ = try network.fit(train: ownedSamples(2, x: [0, 1], y: [0, 1]), test: nil, options: options)
            Issue.record("accepted: \(refusals[number].what)")
        } catch {
            #expect(error.description.contains(refusals[number].what), "\(error)")
        }
        #expect(network.numbers == before)
    }

    @Test func allowed() throws {
        var options = FitOptions()
        (options.steps, options.updateGrid, options.gridUpdateNum, options.lr) = (0, false, 0, 0)
        let network = try KAN<Double>(Settings(width: [1, 1]))
        let before = network.numbers
        let report = try network.fit(train: ownedSamples(2, x: [0, 1], y: [0, 1]), test: nil, options: options)
        #expect(report.steps == 0 && report.evaluations == 0 && network.numbers == before)
    }

    @Test func defaultsAndSchedule() {
        var o = FitOptions()
        #expect(o.optimizer == .lbfgs && o.steps == 100 && o.batch == -1 && o.lr == 1 && o.updateGrid && o.gridUpdateNum == 10)
        #expect(o.startGridUpdateStep == -1 && o.stopGridUpdateStep == 50 && o.historySize == 10 && o.maxIter == 20 && o.maxEval == 25)
        #expect(o.toleranceGrad == 1e-32 && o.toleranceChange == 1e-32 && o.toleranceYs == 1e-32 && o.patience == 0)
        o.lr = 2
        o.lrFactor = [1, 0.5]
        #expect([0, 1, 2].map { o.lr(step: $0) } == [2, 1, 2])
    }
}
