using FsCheck;
using FsCheck.Fluent;
using Metering.Core.Tests.Model;
using Microsoft.FSharp.Core;

namespace Metering.Core.Tests;

public class AccountProperties
{
    /// <summary>
    /// A failure prints the smallest life that fails and its seed as "(seed,gamma)". Put both into this variable to run exactly that
    /// life again: <c>METERING_REPLAY=seed,gamma dotnet test tests/Metering.Core.Tests</c>.
    /// </summary>
    private const string ReplayVariable = "METERING_REPLAY";

    [Fact]
    public void Every_life_of_an_account_keeps_the_rules_of_the_pool_after_every_step() => Hold(Steps.Lives(60), 1_000);

    [Fact]
    public void A_long_life_keeps_them_too() => Hold(Steps.Lives(500), 8);

    private static void Hold(Arbitrary<Life> lives, int times)
    {
        var config = Config.QuickThrowOnFailure.WithMaxTest(times).WithQuietOnSuccess(true);
        if (Environment.GetEnvironmentVariable(ReplayVariable)?.Split(',') is [var seed, var gamma, ..])
        {
            var random = new Rnd(ulong.Parse(seed, null), ulong.Parse(gamma, null));
            config = config.WithReplay(FSharpOption<Replay>.Some(new Replay(random, FSharpOption<int>.None)));
        }

        Check.One(config, Prop.ForAll(lives, LifeRunner.Run));
    }
}
