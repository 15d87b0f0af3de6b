using FsCheck;
using FsCheck.Fluent;
using Metering.Core.Tests.Model;
using Microsoft.FSharp.Core;

namespace Metering.Core.Tests;

public class AccountProperties
{
    /// <summary>
    /// A failure prints the smallest life that fails, and "Replay directly at failing step with (seed,gamma,size)". Put the three into
    /// this variable to begin with exactly that life: <c>METERING_REPLAY=seed,gamma,size dotnet test tests/Metering.Core.Tests</c>.
    /// </summary>
    private const string ReplayVariable = "METERING_REPLAY";

    [Fact]
    public void Every_life_of_an_account_keeps_the_rules_of_the_pool_after_every_step() => Hold(Steps.Lives(60), 500);

    [Fact]
    public void A_long_life_keeps_them_too() => Hold(Steps.Lives(400), 5);

    private static void Hold(Arbitrary<Life> lives, int times)
    {
        var config = Config.QuickThrowOnFailure.WithMaxTest(times).WithQuietOnSuccess(true);
        if (Environment.GetEnvironmentVariable(ReplayVariable)?.Split(',') is [var seed, var gamma, var size])
        {
            var random = new Rnd(ulong.Parse(seed, null), ulong.Parse(gamma, null));
            config = config.WithReplay(FSharpOption<Replay>.Some(new Replay(random, FSharpOption<int>.Some(int.Parse(size, null)))));
        }

        Check.One(config, Prop.ForAll(lives, LifeRunner.Run));
    }
}
