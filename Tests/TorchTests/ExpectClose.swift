import Testing
import Torch

/// Compares shape, type, NaNs and every value, which may be off by a share of the largest.
func expectClose(_ actual: Tensor, _ expected: Tensor, share: Double, sourceLocation: SourceLocation = #_sourceLocation)
{
  let largest = expected.values(as: Double.self).reduce(0) { max($0, abs($1)) }
  expectClose(actual, expected, tolerance: share * largest, sourceLocation: sourceLocation)
}

/// Compares shape, type, NaNs and every value.
func expectClose(
  _ actual: Tensor, _ expected: Tensor, tolerance: Double = 0, sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(actual.shape == expected.shape, sourceLocation: sourceLocation)
  #expect(actual.type == expected.type, sourceLocation: sourceLocation)
  guard actual.shape == expected.shape else { return }
  let (found, wanted) = (actual.values(as: Double.self), expected.values(as: Double.self))
  let off = wanted.indices.first { i in
    !(found[i] == wanted[i] || (found[i].isNaN && wanted[i].isNaN) || abs(found[i] - wanted[i]) <= tolerance)
  }
  if let off {
    Issue.record("element \(off) is \(found[off]), expected \(wanted[off])", sourceLocation: sourceLocation)
  }
}
