import Spaces
import Testing

@testable import Environments

@Suite struct MakeEnvironmentTests {
  @Test func makesTheRoad() throws {
    let environment = try makeEnvironment("road", pipeline: PixelPipeline(), slots: 4)
    #expect(environment is any ScriptedExpert && environment.slots == 4 && environment.actions == 3)
    #expect(environment.observation == ObservationSpace(channels: 1, height: 32, width: 32))
  }

  @Test(arguments: ["raod", "gym:", "", "CartPole-v1"]) func namesWhatExists(name: String) {
    let error = #expect(throws: EnvironmentError.unknownEnvironment(name)) {
      try makeEnvironment(name, pipeline: PixelPipeline(), slots: 1)
    }
    #expect(error?.description.contains("'road' (built in) and 'gym:ID'") == true)
  }
}
