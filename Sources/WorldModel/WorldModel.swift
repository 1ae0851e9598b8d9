import Spaces
import Torch

/// A network of one input and one output.
protocol Network: Module {
  func callAsFunction(_ x: Tensor) -> Tensor
}
extension Encoder: Network {}
extension Decoder: Network {}
extension MLP: Network {}

/// The networks of one field: one embeds it, `[N, …]` to `[N, E]`, the other says from model states `[N, D + S·K]` what
/// it is.
struct FieldCoder {
  let encoder, decoder: any Network
}

/// Predicts how the world goes on under actions. Source: DITTO, eq 9–11.
public final class WorldModel: NamedParts {
  public let sizes: LatentSizes
  public let observation: ObservationSpace
  public let actions: ActionSpace
  public let rssm: RSSM
  /// In the order of the observation's fields.
  let coders: [FieldCoder]

  /// Hidden layers of the networks for vectors and classes, as wide as the RSSM's.
  private static let vectorLayers = 2

  public init(_ sizes: LatentSizes, _ observation: ObservationSpace, actions: ActionSpace, using random: RandomSource) {
    (self.sizes, self.observation, self.actions) = (sizes, observation, actions)
    let frames = observation.fields.map(\.frame)
    // In the order of `namedParts`, in which they draw their first weights.
    let encoders = frames.map { $0.map { Encoder($0, depth: sizes.depth, using: random) } }
    let embedding = encoders.reduce(0) { $0 + ($1?.embeddingSize ?? sizes.hidden) }
    rssm = RSSM(sizes, actions: actions.size, embedding: embedding, using: random)
    let decoders = frames.map { $0.map { Decoder($0, depth: sizes.depth, features: sizes.features, using: random) } }
    var coders: [FieldCoder] = []
    for (index, field) in observation.fields.enumerated() {
      if let encoder = encoders[index], let decoder = decoders[index] {
        coders.append(FieldCoder(encoder: encoder, decoder: decoder))
      } else {
        let count = field.shape[0]
        let encoder = MLP(count, sizes.hidden, width: sizes.hidden, hiddenLayers: Self.vectorLayers, using: random)
        let decoder = MLP(sizes.features, count, width: sizes.hidden, hiddenLayers: Self.vectorLayers, using: random)
        coders.append(FieldCoder(encoder: encoder, decoder: decoder))
      }
    }
    self.coders = coders
  }

  public var device: Device { rssm.actionInput.weight.device }

  public var namedParts: [(name: String, part: any Module)] {
    let (encoders, decoders) = (
      observation.keys(image: "encoder", vector: "vectorEncoder"),
      observation.keys(image: "decoder", vector: "vectorDecoder")
    )
    // The first of either kind as they have been called from the beginning, the others as parts of their field.
    let name = { (key: String, part: String) in key.hasPrefix("fields.") ? "\(key).\(part)" : key }
    let parts = coders.indices.map {
      (
        encoder: (name(encoders[$0], "encoder"), coders[$0].encoder),
        decoder: (name(decoders[$0], "decoder"), coders[$0].decoder)
      )
    }
    let images = observation.images
    let others = coders.indices.filter { !images.contains($0) }
    return images.map { parts[$0].encoder } + [("rssm", rssm)] + images.map { parts[$0].decoder }
      + others.flatMap { [parts[$0].encoder, parts[$0].decoder] }
  }

  /// Embeds what is seen, under `[N]`: `[N, E]`, the fields' embeddings one after the other.
  public func embedding(of observed: Observed) -> Tensor {
    let parts = zip(coders, observed.fields).map { $0.encoder($1) }
    return parts.count == 1 ? parts[0] : concatenated(parts, axis: -1)
  }

  /// Infers the states along recorded sequences.
  /// - Parameters:
  ///   - observed: under `[T, B]`.
  ///   - previousAction: `[T, B, A]`, the action that led to each frame, one-hot or in −1…1.
  ///   - isFirst: `[T · B]`, time first: whether an episode starts there.
  ///   - start: the states before the first step, `[B · copies, …]`.
  ///   - copies: how often each sequence is inferred, with draws of its own; its copies are side by side in the result,
  ///     `[T, B · copies, …]`.
  public func infer(
    _ observed: Observed, previousAction: Tensor, isFirst: [Bool], from start: LatentState, draw: Sampling,
    copies: Int = 1
  ) -> RSSM.Inference {
    let (steps, batch) = (previousAction.shape[0], previousAction.shape[1])
    for (field, seen) in zip(observation.fields, observed.fields) {
      checkShape(seen, [steps, batch] + field.shape, field.name)
    }
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
    return Observed(observation, coders.map { $0.decoder(features) }).unflattened(leading)
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
  public func imagine(from start: LatentState, actions: Tensor, draw: Sampling) -> LatentState {
    var state = start
    let states = actions.unbound().map { action -> LatentState in
      state = rssm.imagine(from: state, action: action, draw: draw).state
      return state
    }
    return LatentState(
      deterministic: stacked(states.map(\.deterministic)), stochastic: stacked(states.map(\.stochastic)))
  }
}
