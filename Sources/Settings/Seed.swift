/// Where all randomness of a run starts.
///
/// What draws is given a seed of its own, derived by name and by step: `seed.stream("data").step(12)`. The draws of a
/// step depend on nothing but the seed and the step's number, so a run that resumes has no random state to restore.
public struct Seed: Hashable, Sendable {
  public let value: UInt64

  public init(_ value: UInt64) { self.value = value }

  /// The seed of everything called `name`.
  public func stream(_ name: String) -> Seed {
    // FNV-1a, since Swift's own hash differs from process to process.
    mixed(with: name.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 })
  }

  /// The seed of step `index`, counted from 0.
  public func step(_ index: Int) -> Seed { mixed(with: UInt64(bitPattern: Int64(index)) &+ 1) }

  private func mixed(with other: UInt64) -> Seed {
    var generator = SeededGenerator(seed: value ^ (other &* 0xd1b5_4a32_d192_ed03))
    return Seed(generator.next())
  }

  /// A generator that starts at this seed.
  public var generator: SeededGenerator { SeededGenerator(seed: value) }
}

/// SplitMix64 (Steele, Lea and Flood 2014): 64 bits of state, the same numbers on every machine.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
