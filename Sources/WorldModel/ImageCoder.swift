import Spaces
import Torch

/// Channels and side length (in pixels, 32 or 64) of the frames that the convolutional networks take.
public struct FrameShape: Hashable, Sendable, Codable {
  public let channels: Int
  public let side: Int

  public init(channels: Int, side: Int) {
    precondition(side == 32 || side == 64, "there are no networks for frames of \(side)×\(side) pixels")
    self.channels = channels
    self.side = side
  }

  /// `[C, Y, X]`.
  public var dimensions: [Int] { [channels, side, side] }
}

extension ObservationSpace {
  /// Of the pixels; nil where there are none.
  public var frame: FrameShape? { pixelCount == 0 ? nil : FrameShape(channels: channels, side: height) }
}

/// Normalised frames to embeddings. Source: DITTO, section 3.2; Hafner et al. 2021.
///
/// 64×64: four convolutions (31, 14, 6, 2); 32×32: three (15, 6, 2). Kernel 4, stride 2, ELU; channels d, 2d, 4d (8d).
public final class Encoder: Module {
  let convolutions: [Convolution]

  public init(_ frame: FrameShape, depth: Int, using random: RandomSource) {
    let channels = [frame.channels] + (0..<(frame.side == 64 ? 4 : 3)).map { depth << $0 }
    convolutions = zip(channels, channels.dropFirst()).map { Convolution($0, $1, kernel: 4, stride: 2, using: random) }
  }

  /// Length `E` of an embedding: channels × 2 × 2.
  public var embeddingSize: Int { convolutions.last!.weight.shape[0] * 4 }

  /// `[N, C, Y, X]` to `[N, E]`, in the order channel, row, column.
  public func callAsFunction(_ frames: Tensor) -> Tensor {
    convolutions.reduce(frames) { $1($0, then: .elu) }.reshaped(-1, embeddingSize)
  }
}

/// Model states to the means of normalised frames: `x̂ ~ N(decoder(ŝ), 1)`. Source: DITTO, eq 9.
///
/// A linear layer to as many channels of 1×1 as an embedding is long, then transposed convolutions of stride 2 with ELU between
/// them: kernels 5, 5, 6, 6 (5, 13, 30, 64) and channels 4d, 2d, d for 64×64, kernels 5, 6, 6 (5, 14, 32) and 2d, d for 32×32.
public final class Decoder: Module {
  let input: Linear
  let convolutions: [TransposedConvolution]

  public init(_ frame: FrameShape, depth: Int, features: Int, using random: RandomSource) {
    let kernels = frame.side == 64 ? [5, 5, 6, 6] : [5, 6, 6]
    let width = depth << (kernels.count - 1)
    let channels = [4 * width] + (1..<kernels.count).map { width >> $0 } + [frame.channels]
    input = Linear(features, channels[0], using: random)
    convolutions = kernels.indices.map { TransposedConvolution(channels[$0], channels[$0 + 1], kernel: kernels[$0], stride: 2, using: random) }
  }

  /// `[N, D + S·K]` to `[N, C, Y, X]`.
  public func callAsFunction(_ features: Tensor) -> Tensor {
    let start = input(features)
    return convolutions.last!(convolutions.dropLast().reduce(start.reshaped(start.shape + [1, 1])) { $1($0, then: .elu) })
  }
}
