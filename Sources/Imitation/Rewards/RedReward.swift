import Foundation
import Settings
import Spaces
import Torch
import WorldModel

public struct RedConfiguration: Configuration {
  /// Width, number of hidden layers, and outputs of the fixed network and of the one that is fitted to it.
  public var width = 128
  public var hiddenLayers = 2
  public var outputs = 32
  /// Gradient steps of the fit, before the policy's first.
  public var steps = 1000
  public var learningRate = 1e-3
  /// What expert states held out of the fit earn on average.
  public var expertMean = 0.9

  public init() {}

  public func check(_ problems: inout Problems) {
    problems.require(width, in: 1...65_536, "width")
    problems.require(outputs, in: 1...65_536, "outputs")
    problems.require(steps, in: 1...1_000_000, "steps")
    problems.require(hiddenLayers, in: 0...100, "hiddenLayers")
    problems.require(learningRate > 0, "learningRate", "is \(learningRate), must be above 0")
    problems.require(expertMean > 0 && expertMean < 1, "expertMean", "is \(expertMean), must be between 0 and 1")
  }
}

/// `exp(−σ ‖f̂ − f‖²)` of a state and the action taken in it: a network `f̂` that was fitted to a fixed random one `f`
/// on the expert's states and actions agrees with it there, and hardly elsewhere. Source: Wang et al. 2019, random
/// expert distillation.
final class RedReward: Reward {
  private let fixed, fitted: MLP
  private let actions: ActionSpace
  private(set) var sigma = 1.0

  /// Every tenth run of so many successive expert steps is held out of the fit, to set `σ` by: single steps would have
  /// neighbours in it that are much like them.
  private static let (heldOut, runSteps) = (10, 16)
  private static let batch = 256

  /// - Throws: what `context.fitting` throws.
  init(_ c: RedConfiguration, _ context: RewardContext) throws {
    actions = context.actions
    let network = { (name: String) in
      MLP(
        context.sizes.features + context.actions.size, c.outputs, width: c.width, hiddenLayers: c.hiddenLayers,
        using: RandomSource(context.seed.stream(name), on: context.device))
    }
    (fixed, fitted) = (network("fixed"), network("fitted"))
    fixed.freeze()
    let (learned, unseen) = Self.split(context.expert)
    let optimizer = Adam(fitted.namedParameters, OptimizerConfiguration { $0.learningRate = c.learningRate })
    var generator = context.seed.stream("fit").generator
    for step in 0..<c.steps {
      try context.fitting(.red, step, c.steps)
      let (states, actions) = context.expert.pairs(
        at: (0..<Self.batch).map { _ in learned.randomElement(using: &generator)! })
      optimizer.step(minimizing: distance(states, actions).mean(), progress: Double(step) / Double(c.steps))
    }
    try context.fitting(.red, c.steps, c.steps)
    fitted.freeze()
    let (states, actions) = context.expert.pairs(at: unseen)
    sigma = Self.sigma(for: c.expertMean, distances: distance(states, actions).values(as: Float.self).map(Double.init))
  }

  /// The expert's steps that are learned from and those held out; the last run of them where there are fewer than ten,
  /// and all for both where there is one.
  static func split(_ expert: ExpertLatents) -> (learned: [Int], heldOut: [Int]) {
    let runs = expert.stepsByEpisode.flatMap { $0.pieces(of: runSteps) }
    guard runs.count > 1 else { return (Array(runs[0]), Array(runs[0])) }
    let isHeldOut = { (run: Int) in runs.count < heldOut ? run == runs.count - 1 : run % heldOut == heldOut - 1 }
    return (
      runs.indices.filter { !isHeldOut($0) }.flatMap { runs[$0] }, runs.indices.filter(isHeldOut).flatMap { runs[$0] }
    )
  }

  /// The `σ` with which the mean of `exp(−σ d)` is `mean`: it falls from 1 to 0 as `σ` grows.
  static func sigma(for mean: Double, distances: [Double]) -> Double {
    let meanReward = { (sigma: Double) in distances.reduce(0) { $0 + exp(-sigma * $1) } / Double(distances.count) }
    var (low, high) = (0.0, 1.0)
    while meanReward(high) > mean, high < 1e12 { high *= 2 }
    for _ in 0..<100 {
      let middle = (low + high) / 2
      if meanReward(middle) > mean { low = middle } else { high = middle }
    }
    return (low + high) / 2
  }

  func callAsFunction(_ expert: LatentWindows, _ dream: Rollout) -> Tensor {
    exp(-sigma * distance(dream.states.sliced(0..<dream.actions.shape[0]), dream.actions))
  }

  /// `‖f̂ − f‖²` of states `[…]` and the actions taken in them.
  private func distance(_ states: LatentState, _ taken: Tensor) -> Tensor {
    let input = concatenated([states.features.to(.float32), actions.encoded(taken)], axis: -1)
    return (fitted(input) - fixed(input)).squared().sum(over: -1)
  }
}

extension RewardKind {
  public static let red = RewardKind("red") { try RedReward($0.red, $1) }
}
