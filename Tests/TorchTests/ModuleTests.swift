import Settings
import Testing
import Torch

@Suite struct ModuleTests {
  @Test func namesParametersByTheirPath() {
    let names = Nested().namedParameters.map(\.name)
    #expect(names == ["own", "layers.0.weight", "layers.0.bias", "layers.1.weight", "present.weight", "present.bias"])
  }

  @Test func copiesValuesNotStorage() {
    let (a, b) = (Linear(2, 2, using: RandomSource(Seed(1))), Linear(2, 2, using: RandomSource(Seed(2))))
    a.copyParameters(from: b)
    #expect(a.weight.values(as: Float.self) == b.weight.values(as: Float.self))
    b.weight.assign(.zeros([2, 2]))
    #expect(a.weight.values(as: Float.self) != [0, 0, 0, 0])
  }

  @Test func stopsWhereATupleHidesAParameter() async {
    await #expect(processExitsWith: .failure) { _ = InTuple().parameters }
  }
  @Test func stopsWhereADictionaryHidesAParameter() async {
    await #expect(processExitsWith: .failure) { _ = InDictionary().parameters }
  }
  @Test func stopsWhereAStructHidesAParameter() async {
    await #expect(processExitsWith: .failure) { _ = InStruct().parameters }
  }
  @Test func stopsWhereAnArrayOfStructsHidesAParameter() async {
    await #expect(processExitsWith: .failure) { _ = InArrayOfStructs().parameters }
  }
  @Test func walksOverWhatHidesNothing() async {
    await #expect(processExitsWith: .success) { _ = Nested().parameters }
  }
}

private final class Nested: Module {
  let own = Parameter(.zeros([1]))
  let layers = [Linear(2, 3, using: RandomSource(Seed(0))), Linear(3, 1, bias: false, using: RandomSource(Seed(0)))]
  let present: LayerNorm? = LayerNorm(4, on: .cpu)
  let absent: Linear? = nil
  let constant = Tensor.zeros([2])
  let plain = (sizes: [1, 2], names: ["a": 1], limit: Optional(3))
}

private struct Holder { let parameter = Parameter(.zeros([1])) }
private final class InTuple: Module { let pair = (1, Parameter(.zeros([1]))) }
private final class InDictionary: Module { let named = ["a": Parameter(.zeros([1]))] }
private final class InStruct: Module { let holder = Holder() }
private final class InArrayOfStructs: Module { let holders = [Holder()] }
