import Torch

/// Predicts how the world goes on under actions. Source: DITTO, eq 9–11.
public final class WorldModel: Module {
  public let sizes: LatentSizes
  public let frame: FrameShape
  public let encoder: Encoder
  public let rssm: RSSM
  public let decoder: Decoder

  public init(_ sizes: LatentSizes, frame: FrameShape, actions: Int, using random: RandomSource) {
    self.sizes = sizes
    self.frame = frame
    encoder = Encoder(frame, depth: sizes.depth, using: random)
    rssm = RSSM(sizes, actions: actions, embedding: encoder.embeddingSize, using: random)
    decoder = Decoder(frame, depth: sizes.depth, features: sizes.features, using: random)
  }

  public var actionCount: Int { rssm.actionCount }
  public var device: Device { encoder.convolutions[0].weight.device }

  /// Infers the states along recorded sequences.
  /// - Parameters:
  ///   - frames: normalised, `[T, B, C, Y, X]`.
  ///   - previousAction: one-hot `[T, B, A]`, the action that led to each frame.
  ///   - isFirst: `[T · B]`, time first: whether an episode starts there.
  public func infer(frames: Tensor, previousAction: Tensor, isFirst: [Bool], from start: LatentState, draw: Draw) -> RSSM.Inference {
    let (steps, batch) = (frames.shape[0], frames.shape[1])
    checkShape(frames, [steps, batch] + frame.dimensions, "frames")
    checkShape(previousAction, [steps, batch, actionCount], "previousAction")
    precondition(isFirst.count == steps * batch, "'isFirst' has \(isFirst.count) flags, expected \(steps * batch)")
    let embedding = encoder(frames.flattened(first: 2)).unflattened([steps, batch])
    return rssm.infer(embedding: embedding, previousAction: previousAction, isFirst: isFirst, from: start, draw: draw)
  }

  /// The means of the normalised frames behind states `[…]`: `[…, C, Y, X]`.
  public func decode(_ states: LatentState) -> Tensor {
    let leading = Array(states.deterministic.shape.dropLast())
    return decoder(states.features.flattened(first: leading.count)).unflattened(leading)
  }

  /// The objective of eq 10 along sequences.
  public func loss(_ inference: RSSM.Inference, frames: Tensor, _ weights: LossConfiguration) -> WorldModelLoss {
    WorldModelLoss(
      decoded: decode(inference.states).to(frames.type), frames: frames, posterior: rssm.classes(inference.posteriorLogits),
      prior: rssm.classes(inference.priorLogits), weights)
  }

  /// Follows given actions in the prior dynamics.
  /// - Parameter actions: `[H, B, A]`, one-hot.
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
