import Spaces
import Torch

/// A picture's channels, height and width in pixels.
public struct FrameShape: Hashable, Sendable {
  public let channels, height, width: Int

  public init(channels: Int, height: Int, width: Int) {
    (self.channels, self.height, self.width) = (channels, height, width)
  }

  /// `[C, Y, X]`.
  public var dimensions: [Int] { [channels, height, width] }
}

extension ObservationSpace.Field {
  /// Of a picture; nil of anything else.
  public var frame: FrameShape? {
    guard case .image(let channels, let height, let width) = kind else { return nil }
    return FrameShape(channels: channels, height: height, width: width)
  }
}

/// A layer of an encoder or a decoder: kernel and stride, channels, and the map that it makes.
public struct ImageLayer: Equatable, Sendable {
  public let kernel, inputs, outputs: Int
  /// In pixels.
  public let height, width: Int
  static let stride = 2
}

extension FrameShape {
  private static let kernel = 4
  /// Channels double from layer to layer, so often at most.
  private static let doublings = 3

  /// The encoder's layers: each halves the map, until at most 4 pixels remain in height and width (2 of 32 and 64), or
  /// one of them is too small.
  public func encoderLayers(depth: Int) -> [ImageLayer] {
    var (layers, inputs, height, width) = ([ImageLayer](), channels, height, width)
    repeat {
      (height, width) = ((height - Self.kernel) / ImageLayer.stride + 1, (width - Self.kernel) / ImageLayer.stride + 1)
      layers.append(
        ImageLayer(
          kernel: Self.kernel, inputs: inputs, outputs: depth << min(layers.count, Self.doublings), height: height,
          width: width))
      inputs = layers.last!.outputs
    } while max(height, width) > 4 && min(height, width) >= Self.kernel
    return layers
  }

  /// Length `E` of an embedding, the encoder's last map.
  public func embeddingSize(depth: Int) -> Int {
    let last = encoderLayers(depth: depth).last!
    return last.outputs * last.height * last.width
  }

  /// The map that the decoder begins with: 1×1 of 32×32 and 64×64, as the paper's authors have it, and else the
  /// encoder's last.
  func decoderStart(depth: Int) -> FrameShape {
    let last = encoderLayers(depth: depth).last!
    return authorsKernels == nil
      ? FrameShape(channels: last.outputs, height: last.height, width: last.width)
      : FrameShape(channels: embeddingSize(depth: depth), height: 1, width: 1)
  }

  /// Of the map that the decoder begins with.
  public func decoderPixels(depth: Int) -> Int {
    let start = decoderStart(depth: depth)
    return start.height * start.width
  }

  /// The decoder's layers, which make the encoder's maps from the last to the first, and the picture.
  public func decoderLayers(depth: Int) -> [ImageLayer] {
    let encoder = encoderLayers(depth: depth)
    if let kernels = authorsKernels {
      var (side, inputs) = (1, embeddingSize(depth: depth))
      return kernels.indices.map { index in
        let outputs = index == kernels.count - 1 ? channels : encoder[kernels.count - 2 - index].outputs
        side = (side - 1) * ImageLayer.stride + kernels[index]
        defer { inputs = outputs }
        return ImageLayer(kernel: kernels[index], inputs: inputs, outputs: outputs, height: side, width: side)
      }
    }
    return encoder.indices.reversed().map { index in
      let (height, width) =
        index == 0 ? (self.height, self.width) : (encoder[index - 1].height, encoder[index - 1].width)
      // As many pixels as are missing; where one side needs one more than the other, what is too much of that is cut.
      let missing = max(
        height - ImageLayer.stride * (encoder[index].height - 1), width - ImageLayer.stride * (encoder[index].width - 1)
      )
      return ImageLayer(
        kernel: missing, inputs: encoder[index].outputs, outputs: index == 0 ? channels : encoder[index - 1].outputs,
        height: height, width: width)
    }
  }

  /// Of the sizes that the paper's authors, and the models of version 0.1, have.
  private var authorsKernels: [Int]? { height == width ? [32: [5, 6, 6], 64: [5, 5, 6, 6]][height] : nil }
}

/// Encodes normalised pictures into embeddings. Source: DITTO, section 3.2; Hafner et al. 2021.
///
/// Kernel 4, stride 2, ELU; channels d, 2d, 4d, 8d. 64×64: maps of 31, 14, 6 and 2 pixels; 32×32: of 15, 6 and 2.
public final class Encoder: Module {
  let convolutions: [Convolution]
  public let embeddingSize: Int

  public init(_ frame: FrameShape, depth: Int, using random: RandomSource) {
    convolutions = frame.encoderLayers(depth: depth).map {
      Convolution($0.inputs, $0.outputs, kernel: $0.kernel, stride: ImageLayer.stride, using: random)
    }
    embeddingSize = frame.embeddingSize(depth: depth)
  }

  /// `[N, C, Y, X]` to `[N, E]`, in the order channel, row, column.
  public func callAsFunction(_ frames: Tensor) -> Tensor {
    convolutions.reduce(frames) { $1($0, then: .elu) }.reshaped(-1, embeddingSize)
  }
}

/// Decodes model states into the means of normalised pictures: `x̂ ~ N(decoder(ŝ), 1)`. Source: DITTO, eq 9.
///
/// A linear layer to the first map, as long as an embedding, then transposed convolutions of stride 2 with ELU between
/// them. 64×64: kernels 5, 5, 6 and 6 from 1×1 (5, 13, 30, 64) and channels 4d, 2d, d; 32×32: kernels 5, 6 and 6 (5,
/// 14, 32) and 2d, d; other sizes: the encoder's maps, by kernels of 4 and 5.
public final class Decoder: Module {
  let input: Linear
  let convolutions: [TransposedConvolution]
  private let start: FrameShape
  private let layers: [ImageLayer]

  public init(_ frame: FrameShape, depth: Int, features: Int, using random: RandomSource) {
    (start, layers) = (frame.decoderStart(depth: depth), frame.decoderLayers(depth: depth))
    input = Linear(features, frame.embeddingSize(depth: depth), using: random)
    convolutions = layers.map {
      TransposedConvolution($0.inputs, $0.outputs, kernel: $0.kernel, stride: ImageLayer.stride, using: random)
    }
  }

  /// `[N, D + S·K]` to `[N, C, Y, X]`.
  public func callAsFunction(_ features: Tensor) -> Tensor {
    var map = input(features).reshaped([-1] + start.dimensions)
    for (index, layer) in layers.enumerated() {
      map = convolutions[index](map, then: index == layers.count - 1 ? .identity : .elu)
      if map.shape[2] > layer.height { map = map.sliced(0..<layer.height, axis: 2) }
      if map.shape[3] > layer.width { map = map.sliced(0..<layer.width, axis: 3) }
    }
    return map
  }
}
