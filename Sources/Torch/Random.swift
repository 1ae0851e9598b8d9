import CTorch
import Settings

/// Draws random tensors; the same seed gives the same draws on the same device.
///
/// Each source has a generator of its own; libtorch's global one is never touched.
public final class RandomSource {
  public let seed: Seed
  public let device: Device
  let generator: CTGenerator

  public init(_ seed: Seed, on device: Device = .cpu) {
    self.seed = seed
    self.device = device
    var made = CTGenerator()
    check(ct_generator(seed.value, device.c, &made), "random generator on \(device)", [])
    generator = made
  }
  deinit { ct_release_generator(generator) }
}

extension Tensor {
  /// Standard normal numbers, float32.
  public static func normal(_ shape: [Int], using random: RandomSource) -> Tensor {
    call("normal \(shape)") {
      ct_normal(shape.map(Int64.init), Int32(shape.count), random.device.c, random.generator, $0)
    }
  }
  /// Uniform numbers in 0..<1, float32.
  public static func uniform(_ shape: [Int], using random: RandomSource) -> Tensor {
    call("uniform \(shape)") {
      ct_uniform(shape.map(Int64.init), Int32(shape.count), random.device.c, random.generator, $0)
    }
  }
  /// Numbers from the exponential distribution of rate 1, float32.
  public static func exponential(_ shape: [Int], using random: RandomSource) -> Tensor {
    call("exponential \(shape)") {
      ct_exponential(shape.map(Int64.init), Int32(shape.count), random.device.c, random.generator, $0)
    }
  }
}
