import Configuration
import Torch
import WorldModel

/// How an action is chosen from the policy.
public enum ActionChoice: String, Codable, CaseIterable, Sendable {
  /// Drawn from the policy.
  case sampled
  /// The most probable one.
  case best
}

/// A trained policy together with the eyes and the memory that it was trained with, if it has any: maps raw frames to actions.
///
/// Several episodes can run side by side, each in a slot of its own; what happens in one slot depends on nothing but its
/// own frames and seed. Not safe to use from several threads at once.
public final class Agent {
  /// What makes actions of frames.
  private enum Mind {
    /// A policy on the states of a world model.
    case latent(WorldModel, MLP)
    /// A policy on frames, which remembers nothing.
    case pixels(PixelPolicy)
  }

  private let mind: Mind
  private let pixels: PixelNormalizer
  private let choice: ActionChoice
  private let precision: Precision
  private let seed: Seed
  private var slots: [Int: Slot] = [:]

  /// What an episode has left behind so far.
  private struct Slot {
    let episode: Int
    var state: LatentState?
    var previousAction: Int32
    let random: RandomSource
    var generator: SeededGenerator
  }

  public convenience init(
    _ worldModel: WorldModel, _ pixels: PixelNormalizer, _ actor: MLP, choosing choice: ActionChoice, _ precision: Precision = .f32, seed: Seed
  ) {
    self.init(.latent(worldModel, actor), pixels, choice, precision, seed)
  }

  public convenience init(
    _ policy: PixelPolicy, _ pixels: PixelNormalizer, choosing choice: ActionChoice, _ precision: Precision = .f32, seed: Seed
  ) {
    self.init(.pixels(policy), pixels, choice, precision, seed)
  }

  private init(_ mind: Mind, _ pixels: PixelNormalizer, _ choice: ActionChoice, _ precision: Precision, _ seed: Seed) {
    self.mind = mind
    self.pixels = pixels
    self.choice = choice
    self.precision = precision
    self.seed = seed
  }

  /// Bytes of one raw frame, `C · Y · X`.
  public var frameSize: Int { frame.dimensions.reduce(1, *) }
  public var frame: FrameShape {
    switch mind {
    case .latent(let worldModel, _): worldModel.frame
    case .pixels(let policy): policy.frame
    }
  }
  public var actionCount: Int {
    switch mind {
    case .latent(let worldModel, _): worldModel.actionCount
    case .pixels(let policy): policy.actionCount
    }
  }
  private var device: Device {
    switch mind {
    case .latent(let worldModel, _): worldModel.device
    case .pixels(let policy): policy.device
    }
  }

  /// Forgets everything: the next frame starts an episode.
  /// - Parameter episode: names the episode, for its random draws; nil for one more than before in this slot.
  public func reset(slot: Int = 0, episode: Int? = nil) {
    let episode = episode ?? slots[slot].map { $0.episode + 1 } ?? 0
    let seed = seed.stream("episode").step(episode)
    slots[slot] = Slot(
      episode: episode, state: nil, previousAction: -1,
      random: RandomSource(seed.stream("state")), generator: seed.stream("action").generator)
  }

  /// What to do now, in 0..<`actionCount`.
  /// - Parameter frame: raw pixels `[C, Y, X]`, row by row.
  /// - Throws: `ImitationError.wrongFrame`.
  public func act(on frame: [UInt8]) throws -> Int { try act(on: [0: frame])[0]! }

  /// What to do now in each of several episodes, by slot.
  public func act(on frames: [Int: [UInt8]]) throws -> [Int: Int] {
    let order = frames.keys.sorted()
    for slot in order {
      guard frames[slot]!.count == frameSize else { throw ImitationError.wrongFrame(expected: frameSize, found: frames[slot]!.count) }
      if slots[slot] == nil { reset(slot: slot, episode: slot) }
    }
    // A few rows take as long as reading the weights; converting those first would take longer.
    let precision = order.count > 4 ? precision : .f32
    let (states, probabilities) = noGrad {
      computing(in: precision, on: device) { infer(order.map { frames[$0]! }, order.map { slots[$0]! }) }
    }
    var actions: [Int: Int] = [:]
    for (row, slot) in order.enumerated() {
      let p = probabilities[row * actionCount..<(row + 1) * actionCount]
      let action = choice == .best ? p.indices.max { p[$0] < p[$1] }! - p.startIndex : drawn(Array(p), &slots[slot]!.generator)
      slots[slot]!.state = states?[row]
      slots[slot]!.previousAction = Int32(action)
      actions[slot] = action
    }
    return actions
  }

  /// The states after seeing `frames`, one row each, where there are any; and the policy's probabilities, row after row.
  private func infer(_ frames: [[UInt8]], _ slots: [Slot]) -> ([LatentState]?, [Float]) {
    let rows = frames.count
    let raw = Tensor(frames.flatMap { $0 }, [rows] + frame.dimensions, on: device)
    switch mind {
    case .pixels(let policy): return (nil, Categorical(logits: policy(pixels(raw))).probabilities.values())
    case .latent(let worldModel, let actor):
      let (sizes, blank) = (worldModel.sizes, LatentState.zero(worldModel.sizes, batch: 1, on: device))
      let states = slots.map { $0.state ?? blank }
      let start = LatentState(
        deterministic: concatenated(states.map(\.deterministic), axis: 0), stochastic: concatenated(states.map(\.stochastic), axis: 0))
      let noise = stacked(slots.map { Tensor.exponential([sizes.groups, sizes.classes], using: $0.random) }).to(device)
      let inference = worldModel.infer(
        frames: pixels(raw).unflattened([1, rows]), previousAction: worldModel.oneHot(previousActions: slots.map(\.previousAction)).unflattened([1, rows]),
        isFirst: slots.map { $0.previousAction < 0 }, from: start, draw: .clocks(noise))
      let state = inference.states[0]
      let probabilities: [Float] = Categorical(logits: actor(state.features)).probabilities.values()
      return ((0..<rows).map { state.sliced($0..<$0 + 1) }, probabilities)
    }
  }

  private func drawn(_ probabilities: [Float], _ generator: inout SeededGenerator) -> Int {
    var left = Float.random(in: 0..<1, using: &generator)
    for (action, p) in probabilities.enumerated() {
      left -= p
      if left < 0 { return action }
    }
    return probabilities.count - 1
  }
}
