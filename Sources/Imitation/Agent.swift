import Demonstrations
import Foundation
import Settings
import Spaces
import Torch
import WorldModel

/// How an action is chosen from the policy.
public enum ActionChoice: String, Codable, CaseIterable, Sendable {
  /// Drawn from the policy.
  case sampled
  /// The most probable one.
  case best
}

/// How an acting agent chooses `z` from the posterior.
public enum StateChoice: String, Codable, CaseIterable, Sendable {
  /// Drawn, as while the world model learned.
  case sampled
  /// The most probable class of each group.
  case best
}

/// A trained policy together with the encoders and the memory that it was trained with, if it has any: maps raw frames to
/// actions.
///
/// Several episodes can run side by side, each in a slot of its own; what happens in one slot depends on nothing but
/// its own frames and seed; in bf16, up to rounding, also on how many there are. Not safe to use from several threads
/// at once.
public final class Agent {
  /// What makes actions of frames.
  private enum Policy {
    /// A policy on the states of a world model.
    case latent(WorldModel, MLP)
    /// A policy on normalised frames, which remembers nothing.
    case pixels(PixelPolicy, Normalizer)
  }

  private let mind: Policy
  private let choice: ActionChoice
  private let stateChoice: StateChoice
  private let precision: Precision
  private let seed: Seed
  private var slots: [Int: Slot] = [:]
  /// What its world model is hardly ever surprised beyond in recordings. Where they are given, steps beyond them are
  /// counted, at the cost of decoding each.
  public var usualSurprise: Surprise?
  public private(set) var surprises = SurpriseCounts()

  /// What an episode has left behind so far.
  private struct Slot {
    let episode: Int
    /// Frames seen.
    var steps = 0
    var state: LatentState?
    var previousAction: Action?
    /// The frames before, oldest first, where a policy sees several.
    var earlier: [[UInt8]] = []
    let random: RandomSource
    var generator: SeededGenerator
  }

  public convenience init(
    _ worldModel: WorldModel, _ actor: MLP, choosing choice: ActionChoice, states: StateChoice = .best,
    _ precision: Precision = .f32, seed: Seed
  ) {
    self.init(.latent(worldModel, actor), choice, states, precision, seed)
  }

  public convenience init(
    _ policy: PixelPolicy, _ normalizer: Normalizer, choosing choice: ActionChoice, _ precision: Precision = .f32,
    seed: Seed
  ) {
    self.init(.pixels(policy, normalizer), choice, .best, precision, seed)
  }

  private init(
    _ mind: Policy, _ choice: ActionChoice, _ stateChoice: StateChoice, _ precision: Precision, _ seed: Seed
  ) {
    self.mind = mind
    self.choice = choice
    self.stateChoice = stateChoice
    self.precision = precision
    self.seed = seed
  }

  /// How what it is shown becomes what it sees; nil where that is the same.
  public var view: ObservationView?
  /// What it is shown.
  public var observation: ObservationSpace {
    if let view, !view.isIdentity { return view.recorded }
    return switch mind {
    case .latent(let worldModel, _): worldModel.observation
    case .pixels(let policy, _): policy.observation
    }
  }
  /// What it does.
  public var actions: ActionSpace {
    switch mind {
    case .latent(let worldModel, _): worldModel.actions
    case .pixels(let policy, _): policy.actions
    }
  }
  private var device: Device {
    switch mind {
    case .latent(let worldModel, _): worldModel.device
    case .pixels(let policy, _): policy.device
    }
  }

  /// The same policy with nothing remembered.
  public func copy(states: StateChoice) -> Agent {
    let copy = Agent(mind, choice, states, precision, seed)
    copy.view = view
    return copy
  }

  /// Forgets everything: the next frame starts an episode.
  /// - Parameter episode: names the episode, for its random draws; nil for one more than before in this slot.
  public func reset(slot: Int = 0, episode: Int? = nil) {
    let episode = episode ?? slots[slot].map { $0.episode + 1 } ?? 0
    let seed = seed.stream("episode").step(episode)
    slots[slot] = Slot(
      episode: episode, state: nil, previousAction: nil,
      random: RandomSource(seed.stream("state")), generator: seed.stream("action").generator)
  }

  /// What to do now.
  /// - Parameter frame: raw bytes as `observation` has them, field by field.
  /// - Throws: `ImitationError.wrongFrame`, `.notFinite`.
  public func act(on frame: [UInt8]) throws -> Action { try act(on: [0: frame])[0]! }

  /// What to do now in each of several episodes, by slot.
  public func act(on frames: [Int: [UInt8]]) throws -> [Int: Action] {
    let frameSize = observation.frameSize
    let order = frames.keys.sorted()
    for slot in order {
      guard frames[slot]!.count == frameSize else {
        throw ImitationError.wrongFrame(expected: frameSize, found: frames[slot]!.count)
      }
      if slots[slot] == nil { reset(slot: slot, episode: slot) }
      if observation.firstWrong(in: frames[slot]!) != nil {
        throw ImitationError.notFinite(episode: slots[slot]!.episode, step: slots[slot]!.steps)
      }
    }
    let seen = frames.mapValues { view?.frames(of: $0) ?? $0 }
    // On the CPU a few rows take as long as reading the weights, so that arithmetic in bf16 would save nothing.
    let precision = order.count > 4 || device != .cpu ? precision : .f32
    let (states, probabilities) = noGrad {
      computing(in: precision, on: device) { infer(order.map { seen[$0]! }, order.map { slots[$0]! }) }
    }
    var chosen: [Int: Action] = [:]
    for (row, slot) in order.enumerated() {
      let action = actions.unscaled(probabilities[row].chosen(choice, using: &slots[slot]!.generator))
      slots[slot]!.state = states?[row]
      slots[slot]!.previousAction = action
      slots[slot]!.steps += 1
      chosen[slot] = action
      if case .pixels(let policy, _) = mind {
        slots[slot]!.earlier = (slots[slot]!.earlier + [seen[slot]!]).suffix(policy.frames - 1)
      }
    }
    return chosen
  }

  /// Tells the agent that another action was taken in an episode than the one it chose: its memory goes on from that
  /// one.
  /// - Parameter action: as `act` returns them.
  public func took(_ action: Action, slot: Int) { slots[slot]?.previousAction = action }

  /// The features of the state that an episode is in, for tests; nil before its first frame.
  func memory(slot: Int) -> [Float]? { slots[slot]?.state?.features.values() }

  /// What a policy says of one state.
  private struct ActionProbabilities {
    /// The probability of each class of each part that has classes.
    let probabilities: [[Float]]
    /// Of the normal before the tangent, for each number.
    let mean, deviation: [Float]

    /// Of each row of a policy's distribution over actions `[N, W]`.
    static func rows(_ policy: ActionDistribution, _ count: Int) -> [ActionProbabilities] {
      let split = { (x: Tensor) -> [[Float]] in
        let values: [Float] = x.values()
        return (0..<count).map { Array(values[$0 * values.count / count..<($0 + 1) * values.count / count]) }
      }
      let classes = policy.classes.map { (count: $0.columns.count, rows: split($0.distribution.probabilities)) }
      let numbers = policy.numbers.map {
        (mean: split($0.distribution.mean), deviation: split(exp($0.distribution.logDeviation)))
      }
      return (0..<count).map { row in
        let probabilities = classes.flatMap { parts, rows -> [[Float]] in
          let length = rows[row].count / parts
          return (0..<parts).map { Array(rows[row][$0 * length..<($0 + 1) * length]) }
        }
        return ActionProbabilities(
          probabilities: probabilities, mean: numbers?.mean[row] ?? [], deviation: numbers?.deviation[row] ?? [])
      }
    }

    /// An action whose numbers are in −1…1.
    func chosen(_ choice: ActionChoice, using generator: inout SeededGenerator) -> Action {
      var action = Action()
      for p in probabilities {
        switch choice {
        case .best: action.classes.append(p.indices.max { p[$0] < p[$1] }!)
        case .sampled:
          var left = Float.random(in: 0..<1, using: &generator)
          action.classes.append(
            p.firstIndex {
              left -= $0; return left < 0
            } ?? p.count - 1)
        }
      }
      for (mean, deviation) in zip(mean, deviation) {
        action.numbers.append(
          Foundation.tanh(choice == .best ? mean : mean + deviation * normalDraw(using: &generator)))
      }
      return action
    }
  }

  /// The states after seeing `frames`, one row each, where there are any; and the policy's opinions there.
  private func infer(_ frames: [[UInt8]], _ slots: [Slot]) -> ([LatentState]?, [ActionProbabilities]) {
    let rows = frames.count
    switch mind {
    case .pixels(let policy, let normalizer):
      // Before an episode's first frame there is that one again.
      let stacks = zip(frames, slots).flatMap { frame, slot in
        let first = slot.earlier.first ?? frame
        return [[UInt8]](repeating: first, count: policy.frames - 1 - slot.earlier.count) + slot.earlier + [frame]
      }
      return (nil, ActionProbabilities.rows(policy(policy.stacked(stacks.flatMap { $0 }, rows, normalizer)), rows))
    case .latent(let worldModel, let actor):
      let (sizes, blank) = (worldModel.sizes, LatentState.zero(worldModel.sizes, batch: 1, on: device))
      let states = slots.map { $0.state ?? blank }
      let start = LatentState(
        deterministic: concatenated(states.map(\.deterministic), axis: 0),
        stochastic: concatenated(states.map(\.stochastic), axis: 0))
      let draw: Sampling =
        switch stateChoice {
        case .best: .mode
        // Drawn on the CPU, so that the same seed acts the same on all devices.
        case .sampled:
          .exponentialNoise(
            stacked(slots.map { Tensor.exponential([sizes.groups, sizes.classes], using: $0.random) }).to(device))
        }
      let seen = SequenceBatch(
        length: 1, batch: rows, observation: worldModel.observation, frames: frames.flatMap { $0 },
        previousActions: slots.map(\.previousAction), isFirst: slots.map { $0.previousAction == nil })
      let inference = worldModel.infer(seen, from: start, draw: draw)
      if let usualSurprise {
        let losses = worldModel.loss(inference, LossConfiguration())
        let (image, divergence) = (losses.image?.values(as: Double.self), losses.divergence.values(as: Double.self))
        for row in 0..<rows {
          surprises.count(Surprise(image: image?[row], divergence: divergence[row]), beyond: usualSurprise)
        }
      }
      let state = inference.states[0]
      let policy = worldModel.actions.policy(actor(state.features))
      return ((0..<rows).map { state.sliced($0..<$0 + 1) }, ActionProbabilities.rows(policy, rows))
    }
  }
}

/// Of a standard normal (Box and Muller 1958).
private func normalDraw(using generator: inout SeededGenerator) -> Float {
  let (u, v) = (
    Float.random(in: Float.leastNormalMagnitude..<1, using: &generator), Float.random(in: 0..<1, using: &generator)
  )
  return (-2 * Foundation.log(u)).squareRoot() * Foundation.cos(2 * .pi * v)
}
