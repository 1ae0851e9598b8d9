import Spaces
import Torch

/// Predicts how the world goes on under actions. Source: DITTO, eq 9–11.
public final class WorldModel: Module {
  public let sizes: LatentSizes
  public let observation: ObservationSpace
  public let actions: ActionSpace
  public let encoder: Encoder?
  public let rssm: RSSM
  public let decoder: Decoder?
  /// Of vectors, beside or instead of pixels.
  public let vectorEncoder, vectorDecoder: MLP?

  /// Hidden layers of the networks for vectors, as wide as the RSSM's.
  private static let vectorLayers = 2

  public init(_ sizes: LatentSizes, _ observation: ObservationSpace, actions: ActionSpace, using random: RandomSource) {
    (self.sizes, self.observation, self.actions) = (sizes, observation, actions)
    let (frame, vector) = (observation.frame, observation.vector)
    encoder = frame.map { Encoder($0, depth: sizes.depth, using: random) }
    let embedding = (encoder?.embeddingSize ?? 0) + (vector > 0 ? sizes.hidden : 0)
    rssm = RSSM(sizes, actions: actions.size, embedding: embedding, using: random)
    decoder = frame.map { Decoder($0, depth: sizes.depth, features: sizes.features, using: random) }
    let network = { (inputs: Int, outputs: Int) in MLP(inputs, outputs, width: sizes.hidden, hiddenLayers: Self.vectorLayers, using: random) }
    vectorEncoder = vector > 0 ? network(vector, sizes.hidden) : nil
    vectorDecoder = vector > 0 ? network(sizes.features, vector) : nil
  }

  public var device: Device { rssm.actionInput.weight.device }

  /// Of what is seen, `[N, …]`: `[N, E]`.
  public func embedding(of observed: Observed) -> Tensor {
    let parts = [encoder.map { $0(observed.frames!) }, vectorEncoder.map { $0(observed.vector!) }].compactMap { $0 }
    return parts.count == 1 ? parts[0] : concatenated(parts, axis: -1)
  }

  /// Infers the states along recorded sequences.
  /// - Parameters:
  ///   - observed: under `[T, B]`.
  ///   - previousAction: `[T, B, A]`, the action that led to each frame, one-hot or in −1…1.
  ///   - isFirst: `[T · B]`, time first: whether an episode starts there.
  ///   - start: the states before the first step, `[B · copies, …]`.
  ///   - copies: how often each sequence is inferred, with draws of its own; its copies are side by side in the result, `[T, B · copies, …]`.
  public func infer(
    _ observed: Observed, previousAction: Tensor, isFirst: [Bool], from start: LatentState, draw: Draw, copies: Int = 1
  ) -> RSSM.Inference {
    let (steps, batch) = (previousAction.shape[0], previousAction.shape[1])
    if encoder != nil { checkShape(observed.frames!, [steps, batch] + observation.pixelShape, "frames") }
    if vectorEncoder != nil { checkShape(observed.vector!, [steps, batch, observation.vector], "vector") }
    checkShape(previousAction, [steps, batch, actions.size], "previousAction")
    precondition(isFirst.count == steps * batch, "'isFirst' has \(isFirst.count) flags, expected \(steps * batch)")
    let embedding = embedding(of: observed.flattened(first: 2)).unflattened([steps, batch])
    guard copies > 1 else {
      return rssm.infer(embedding: embedding, previousAction: previousAction, isFirst: isFirst, from: start, draw: draw)
    }
    let copied = Tensor((0..<batch * copies).map { Int64($0 / copies) }, [batch * copies], on: device)
    return rssm.infer(
      embedding: embedding.taking(copied, axis: 1), previousAction: previousAction.taking(copied, axis: 1),
      isFirst: isFirst.flatMap { [Bool](repeating: $0, count: copies) }, from: start, draw: draw)
  }

  /// The means of what is seen in states `[…]`.
  public func decode(_ states: LatentState) -> Observed {
    let leading = Array(states.deterministic.shape.dropLast())
    let features = states.features.flattened(first: leading.count)
    return Observed(frames: decoder.map { $0(features) }, vector: vectorDecoder.map { $0(features) }).unflattened(leading)
  }

  /// The objective of eq 10 along sequences.
  public func loss(_ inference: RSSM.Inference, _ observed: Observed, _ weights: LossConfiguration) -> WorldModelLoss {
    WorldModelLoss(
      decoded: decode(inference.states), observed: observed, posterior: rssm.classes(inference.posteriorLogits),
      prior: rssm.classes(inference.priorLogits), weights)
  }

  /// Follows given actions in the prior dynamics.
  /// - Parameter actions: `[H, B, A]`, one-hot or in −1…1.
  /// - Returns: states after each action, `[H, B, …]`.
  public func imagine(from start: LatentState, actions: Tensor, draw: Draw) -> LatentState {
    var state = start
    let states = actions.unbound().map { action -> LatentState in
      state = rssm.imagine(from: state, action: action, draw: draw).state
      return state
    }
    return LatentState(deterministic: stacked(states.map(\.deterministic)), stochastic: stacked(states.map(\.stochastic)))
  }
}
