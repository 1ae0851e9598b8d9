/// What is seen at one step: `uint8` pixels `[C, Y, X]`, a vector of numbers, or both.
///
/// In memory it is bytes: the pixels, row by row, then the vector's numbers as little-endian `float32`. They are called a frame.
public struct ObservationSpace: Hashable, Codable, Sendable {
  /// 0 where there are no pixels.
  public let channels: Int
  /// In pixels.
  public let height: Int
  /// In pixels.
  public let width: Int
  /// Numbers of the vector, `V`; 0 where there is none.
  public let vector: Int

  public init(channels: Int = 1, height: Int, width: Int, vector: Int = 0) {
    self.channels = channels
    self.height = height
    self.width = width
    self.vector = vector
  }

  /// A vector alone.
  public init(vector: Int) { self.init(channels: 0, height: 0, width: 0, vector: vector) }

  /// Whether there are networks for such frames. What a file says has to be asked so before anything is computed of it: its numbers may be of any size.
  public var isSupported: Bool {
    let hasPixels = (channels, height, width) != (0, 0, 0)
    return (0...Self.largestVector).contains(vector) && (hasPixels ? channels == 1 && height == width && [32, 64].contains(height) : vector > 0)
  }

  /// Numbers of a vector at most.
  public static let largestVector = 65_536

  /// `[C, Y, X]`.
  public var pixelShape: [Int] { [channels, height, width] }
  /// Bytes of the pixels.
  public var pixelCount: Int { channels * height * width }
  /// Bytes of a frame.
  public var frameSize: Int { pixelCount + vector * MemoryLayout<Float>.size }
}

extension ObservationSpace: CustomStringConvertible {
  public var description: String {
    let pixels = "\(channels)×\(height)×\(width) uint8", numbers = "\(vector) numbers"
    return pixelCount == 0 ? numbers : vector == 0 ? pixels : "\(pixels) and \(numbers)"
  }
}

extension [UInt8] {
  /// Numbers as frames and messages hold them.
  public static func bytes(of numbers: [Float]) -> [UInt8] {
    numbers.flatMap { number in Swift.withUnsafeBytes(of: number.bitPattern.littleEndian) { [UInt8]($0) } }
  }
}

extension ObservationSpace {
  /// Frames, one after the other, from their parts.
  public func frames(pixels: [UInt8], vectors: [Float]) -> [UInt8] {
    guard vector > 0 else { return pixels }
    var frames: [UInt8] = []
    frames.reserveCapacity(vectors.count / vector * frameSize)
    for frame in 0..<vectors.count / vector {
      frames += pixels[frame * pixelCount..<(frame + 1) * pixelCount]
      frames += [UInt8].bytes(of: Array(vectors[frame * vector..<(frame + 1) * vector]))
    }
    return frames
  }

  /// Frames, one after the other, taken apart.
  public func parts(of frames: UnsafeRawBufferPointer) -> (pixels: [UInt8], vectors: [Float]) {
    guard vector > 0 else { return ([UInt8](frames), []) }
    var (pixels, vectors) = ([UInt8](), [Float]())
    for start in stride(from: 0, to: frames.count, by: frameSize) {
      pixels += frames[start..<start + pixelCount]
      vectors += (0..<vector).map {
        Float(bitPattern: UInt32(littleEndian: frames.loadUnaligned(fromByteOffset: start + pixelCount + 4 * $0, as: UInt32.self)))
      }
    }
    return (pixels, vectors)
  }
  /// The first of some frames, one after the other, whose vector has a number that is not finite; nil where all are.
  public func firstNotFinite(in frames: [UInt8]) -> Int? {
    guard vector > 0 else { return nil }
    return (0..<frames.count / frameSize).first { frame in
      frames.withUnsafeBytes { bytes in
        (0..<vector).contains { number in
          let bits = bytes.loadUnaligned(fromByteOffset: frame * frameSize + pixelCount + 4 * number, as: UInt32.self)
          return !Float(bitPattern: UInt32(littleEndian: bits)).isFinite
        }
      }
    }
  }
}
