using Metering.Engine;

namespace Metering.Cluster;

/// <summary>How the meter uses its cluster. Validated when the host is built.</summary>
public sealed class MeteringClusterOptions
{
    /// <summary>
    /// How long a call is sent again while its account's silo cannot be reached or has lost the account to another one, 0 to 60 s; default
    /// 15 s, within which a cluster with the shipped settings finds a dead silo and places its accounts anew. Shorter answers 503 sooner,
    /// longer lets callers wait.
    /// </summary>
    public TimeSpan RetryFor { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>
    /// The time after a due instant within which accounts wake by themselves, each at its own moment, 0 to 24 h; default 1 h. Shorter
    /// enters resets sooner where nobody calls; longer spreads the load of a day on which all accounts renew.
    /// </summary>
    public TimeSpan WakeWindow { get; set; } = TimeSpan.FromHours(1);

    /// <summary>
    /// How long one message to an account may take, 1 s to 5 min; default 5 s. A client that sent it through another silo learns in no other
    /// way that the account's silo died. Where it is only slow, the call is sent again under its key and waits for the first.
    /// </summary>
    public TimeSpan ResponseTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>The accounts' clock where it is not the host's: Orleans' own timers must not run on a test's.</summary>
    internal TimeProvider? Clock { get; set; }

    /// <summary>Checks every setting.</summary>
    /// <exception cref="MeteringStartupException">A setting is out of range; the message names it, its value and what is allowed.</exception>
    internal void Validate()
    {
        Check(nameof(RetryFor), RetryFor, TimeSpan.Zero, TimeSpan.FromSeconds(60));
        Check(nameof(WakeWindow), WakeWindow, TimeSpan.Zero, TimeSpan.FromHours(24));
        Check(nameof(ResponseTimeout), ResponseTimeout, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(5));
    }

    private static void Check(string setting, TimeSpan value, TimeSpan min, TimeSpan max)
    {
        if (value < min || value > max)
        {
            throw new MeteringStartupException($"{setting} is {value}; {min} to {max} are allowed.");
        }
    }
}
