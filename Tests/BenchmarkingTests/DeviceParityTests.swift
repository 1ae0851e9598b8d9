import Testing
import Torch

@testable import Benchmarking

/// What a device computes beside the CPU; without a device, the CPU without its own kernels, which is what devices
/// compute by.
@Suite struct DeviceParityTests {
  @Test func agreesWithoutKernels() throws {
    let parity = try DeviceParity(.cpu)
    #expect(parity.agrees, "\(parity)")
    #expect(Set(parity.rows.map(\.dtype)) == Set(Precision.allCases))
    // Both ways do not round alike, or it would be one way.
    #expect(parity.rows.contains { $0.dtype == .f32 && $0.difference > 0 } || !Libtorch.usesKernels)
  }

  @Test func noticesWhatDiffers() {
    let difference = { (found: [Float], expected: [Float]) in
      DeviceParity.difference([Tensor(found, [found.count])], [Tensor(expected, [expected.count])])
    }
    #expect(difference([1, 2, -4], [1, 2, -4]) == 0)
    #expect(difference([3, 4, 1], [3, 4, 0]) == 0.2)
    #expect(difference([1, .nan], [1, 2]) == .infinity)
    #expect(difference([1, 0], [0, 0]) == .infinity)
    #expect(DeviceParity.difference([.ones([2]), .ones([2])], [.ones([2]), .full([2], 2)]) == 0.5)  // the largest
  }
}
