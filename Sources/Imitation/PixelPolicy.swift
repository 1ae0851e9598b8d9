import Demonstrations
import Settings
import Spaces
import Torch
import WorldModel

/// What is seen to what `ActionSpace.policy` takes, without a world model: its encoder, a vector as it is, then the
/// policy's layers. Source: DITTO, section 4.1, BC.
public final class PixelPolicy: NamedParts {
  public let observation: ObservationSpace
  public let actions: ActionSpace
  /// Successive frames that it sees, one after the other as channels; the newest is the last.
  public let frames: Int
  /// Of the fields that are pictures, nil of the others.
  private let encoders: [Encoder?]
  let head: MLP

  public init(
    _ observation: ObservationSpace, frames: Int = 1, depth: Int, actions: ActionSpace, _ sizes: PolicySizes,
    using random: RandomSource
  ) {
    (self.observation, self.frames, self.actions) = (observation, frames, actions)
    let encoders = observation.fields.map { Self.encoder(of: $0, frames: frames, depth: depth, using: random) }
    let inputs = zip(encoders, observation.fields.map { frames * $0.shape[0] }).reduce(0) {
      $0 + ($1.0?.embeddingSize ?? $1.1)
    }
    self.encoders = encoders
    head = MLP(inputs, actions.policyOutputs, width: sizes.width, hiddenLayers: sizes.hiddenLayers, using: random)
  }

  /// The encoder of so many frames of a picture, one after the other as channels; nil of what is no picture.
  private static func encoder(
    of field: ObservationSpace.Field, frames: Int, depth: Int, using random: RandomSource
  ) -> Encoder? {
    guard let frame = field.frame else { return nil }
    return Encoder(
      FrameShape(channels: frames * frame.channels, height: frame.height, width: frame.width), depth: depth,
      using: random)
  }

  public var namedParts: [(name: String, part: any Module)] {
    zip(observation.keys(image: "encoder", vector: ""), encoders).compactMap { name, encoder in
      encoder.map { (name, $0) }
    } + [("head", head)]
  }

  public var device: Device { head.layers[0].weight.device }

  /// Of what is seen, under `[N]`.
  public func callAsFunction(_ observed: Observation) -> ActionDistribution { actions.policy(outputs(observed)) }

  func outputs(_ observed: Observation) -> Tensor { head(encoded(observed)) }

  /// What the policy's layers take of what is seen, under `[N]`.
  func encoded(_ observed: Observation) -> Tensor {
    concatenated(zip(encoders, observed.fields).map { encoder, seen in encoder.map { $0(seen) } ?? seen }, axis: -1)
  }

  /// Stacks raw frames as it sees them, under `[N]`.
  /// - Parameter raw: `frames` successive frames for each of the N, oldest first.
  func stacked(_ raw: [UInt8], _ count: Int, _ normalizer: Normalizer) -> Observation {
    normalizer(raw, [count, frames], on: device).map {
      $0.reshaped([count, frames * $0.shape[2]] + $0.shape.dropFirst(3))
    }
  }
}
