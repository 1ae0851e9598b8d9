import Demonstrations
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

/// Sees recordings and predicts how the world goes on under actions. Source: DITTO, eq 9–11.
///
/// Raw frames go in, and nobody else normalises them: `infer` finds the states of recorded sequences, `imagine` goes on
/// from a state under actions, `decode` says what is seen in states, and `loss` how well all of that fits.
///
/// Its parameters are its networks' alone; the statistics that frames are normalised with are not learned.
public final class WorldModel: NamedParts {
  public let sizes: LatentSizes
  public let actions: ActionSpace
  let normalizer: Normalizer
  let rssm: RSSM
  /// In the order of the observation's fields.
  let coders: [FieldCoder]

  /// Hidden layers of the networks for vectors and classes, as wide as the RSSM's.
  private static let vectorLayers = 2

  /// - Parameter normalizer: of what it is to be shown.
  public init(_ sizes: LatentSizes, _ normalizer: Normalizer, actions: ActionSpace, using random: RandomSource) {
    (self.sizes, self.normalizer, self.actions) = (sizes, normalizer, actions)
    let observation = normalizer.space
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

  /// One that takes frames as they are, unless other statistics are loaded.
  public convenience init(
    _ sizes: LatentSizes, _ observation: ObservationSpace, actions: ActionSpace, using random: RandomSource
  ) {
    self.init(sizes, Normalizer(observation, on: random.device), actions: actions, using: random)
  }

  public var observation: ObservationSpace { normalizer.space }
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

  /// What files have of it: its networks, then its statistics.
  public var weights: NamedTensors { state.under("model.") + normalizer.state }

  /// Embeds what is seen, under `[N]`: `[N, E]`, the fields' embeddings one after the other.
  func embedding(of observed: Observation) -> Tensor {
    let parts = zip(coders, observed.fields).map { $0.encoder($1) }
    return parts.count == 1 ? parts[0] : concatenated(parts, axis: -1)
  }

  /// Infers the states along recorded sequences.
  /// - Parameters:
  ///   - start: the states before the first step, `[B · copies, …]`; nil where nothing was seen before.
  ///   - copies: how often each sequence is inferred, with draws of its own; its copies are side by side in the result,
  ///     `[T, B · copies, …]`.
  public func infer(
    _ recorded: SequenceBatch, from start: LatentState? = nil, draw: Sampling, copies: Int = 1
  ) -> Inference {
    let shape = [recorded.length, recorded.batch]
    return infer(
      normalizer(recorded.frames, shape, on: device),
      previousAction: actions.rows(recorded.previousActions, on: device).unflattened(shape), isFirst: recorded.isFirst,
      from: start ?? .zero(sizes, batch: recorded.batch * copies, on: device), draw: draw, copies: copies)
  }

  /// The same of frames that are normalised already.
  /// - Parameters:
  ///   - observed: under `[T, B]`.
  ///   - previousAction: `[T, B, A]`, the action that led to each frame, one-hot or in −1…1.
  ///   - isFirst: `[T · B]`, time first: whether an episode starts there.
  func infer(
    _ observed: Observation, previousAction: Tensor, isFirst: [Bool], from start: LatentState, draw: Sampling,
    copies: Int = 1
  ) -> Inference {
    let (steps, batch) = (previousAction.shape[0], previousAction.shape[1])
    for (field, seen) in zip(observation.fields, observed.fields) {
      checkShape(seen, [steps, batch] + field.shape, field.name)
    }
    checkShape(previousAction, [steps, batch, actions.size], "previousAction")
    precondition(isFirst.count == steps * batch, "'isFirst' has \(isFirst.count) flags, expected \(steps * batch)")
    let embedding = embedding(of: observed.flattened(first: 2)).unflattened([steps, batch])
    let columns =
      copies == 1 ? nil : Tensor((0..<batch * copies).map { Int64($0 / copies) }, [batch * copies], on: device)
    let copied = { (x: Tensor) in columns.map { x.taking($0, axis: 1) } ?? x }
    return Inference(
      self, observed,
      rssm.infer(
        embedding: copied(embedding), previousAction: copied(previousAction),
        isFirst: isFirst.flatMap { [Bool](repeating: $0, count: copies) }, from: start, draw: draw))
  }

  /// The S categorical distributions of `z` behind logits `[…, S·K]`.
  public func classes(_ logits: Tensor) -> Categorical { rssm.classes(logits) }

  /// The means of what is seen in states `[…]`.
  public func decode(_ states: LatentState) -> Observation {
    let leading = Array(states.deterministic.shape.dropLast())
    let features = states.features.flattened(first: leading.count)
    return Observation(observation, coders.map { $0.decoder(features) }).unflattened(leading)
  }

  /// The first picture of what is seen as raw pixels 0…255, `[…, C, Y, X]`; nil where there is none.
  public func picture(of observed: Observation) -> Tensor? {
    observation.images.first.flatMap { index in
      if case .image(let pixels) = normalizer.fields[index] { pixels.pixels(observed.fields[index]) } else { nil }
    }
  }

  /// The objective of eq 10 along sequences.
  public func loss(_ inference: Inference, _ weights: LossConfiguration) -> WorldModelLoss {
    WorldModelLoss(
      decoded: decode(inference.states), observed: inference.observed, posterior: inference.posterior,
      prior: inference.prior, weights)
  }

  /// Follows a policy in the prior dynamics. No gradient flows through it. Source: DITTO, Algorithm 1, line 11.
  /// - Parameters:
  ///   - start: `[B, …]`.
  ///   - draw: how the classes of a step are drawn; asked for at each.
  ///   - policy: features `[B, D + S·K]` and the step's index to actions `[B, W]`.
  public func imagine(
    from start: LatentState, steps: Int, draw: () -> Sampling, policy: (Tensor, Int) -> Tensor
  ) -> Rollout {
    Rollout(from: start, steps: steps, policy: policy) { state, action in
      rssm.imagine(from: state, action: actions.encoded(action), draw: draw()).state
    }
  }

  /// Follows given actions, `[H, B, W]`.
  public func imagine(from start: LatentState, following actions: Tensor, draw: Sampling) -> Rollout {
    imagine(from: start, steps: actions.shape[0], draw: { draw }) { actions[$1] }
  }
}

extension WorldModel {
  /// What a world model infers along recorded sequences.
  public struct Inference {
    /// What was seen, normalised, under `[T, B]`.
    public let observed: Observation
    /// `h` `[T, B, D]` and posterior draws `z` `[T, B, S·K]`.
    public let states: LatentState
    /// `[T, B, S·K]`, unnormalised.
    public let posteriorLogits: Tensor
    private let model: WorldModel

    fileprivate init(_ model: WorldModel, _ observed: Observation, _ inferred: RSSM.Inferred) {
      (self.model, self.observed) = (model, observed)
      (states, posteriorLogits) = inferred
    }

    /// The same of the prior, computed when asked for: encoding and acting do without.
    public var priorLogits: Tensor { model.rssm.prior(states.deterministic) }
    /// Over the classes of `z`, `[T, B, S, K]`.
    public var posterior: Categorical { model.classes(posteriorLogits) }
    public var prior: Categorical { model.classes(priorLogits) }
  }
}
