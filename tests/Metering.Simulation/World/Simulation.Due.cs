using Metering.Core;
using Metering.Engine;

namespace Metering.Simulation;

/// <summary>
/// The queue of what falls due: in one of four histories meters take turns at it between the calls, and when faults have ceased and nobody calls any
/// more, everything due has to be entered in the end, whatever notes were lost.
/// </summary>
internal sealed partial class Simulation
{
    private const int Turns = 4;
    private const int MaxRounds = 500;

    private bool HasDueQueue => plan.Seed % 4 == 3;

    /// <summary>Chosen apart from the plan and from the world's choices, so that the other histories stay what they were.</summary>
    private void PlanDueTurns()
    {
        var random = new Random(plan.Seed ^ 0x0D0E);
        for (var turn = 0; HasDueQueue && turn < Turns && plan.Items.Count > 0; turn++)
        {
            var choice = random.Next(100);
            world.After(random.Next((int)plan.Items[^1].At + 1), () => EnterDue(choice));
        }
    }

    private void EnterDue(int choice)
    {
        var running = processes.OfType<SimulatedProcess>().SelectMany(process => process.Meters).Where(meter => meter is { IsDraining: false, IsEntering: false }).ToArray();
        if (running.Length == 0)
        {
            return;
        }

        var meter = running[choice % running.Length];
        meter.IsEntering = true;
        world.Trace($"{meter.Name} enters what is due");
        meter.Process.Scheduler.Post(async () =>
        {
            try
            {
                await meter.Meter.Due!.RunOnceAsync();
                world.Trace($"{meter.Name} has entered what is due");
            }
            catch (Exception exception) when (exception is LedgerUnavailableException or OperationCanceledException)
            {
                world.Trace($"{meter.Name} stops entering what is due: {exception.Message}");
            }
            catch (Exception exception)
            {
                world.Violate($"{meter.Name} threw while it entered what is due: {exception}");
            }

            meter.IsEntering = false;
        });
    }

    /// <summary>What was noted behind is gone now and then when a process crashes.</summary>
    private void LoseNotes()
    {
        if (HasDueQueue && world.Chance(500))
        {
            world.Trace("notes of what falls due are lost");
            world.Dues = new();
        }
    }

    /// <summary>Time passes, and nobody calls.</summary>
    private void EnterEverythingDue()
    {
        if (!HasDueQueue)
        {
            return;
        }

        Jump(new(0, -1, TimeSpan.FromDays(40)));
        string? missing = null;
        for (var round = 0; round < MaxRounds && world.Violation is null && (round == 0 || missing is not null); round++)
        {
            // A short queue turns most of them away, for a minute each.
            Jump(new(0, -1, TimeSpan.FromMinutes(2)));
            EnterDue(round);
            world.RunUntilQuiet();
            missing = Ledger.Accounts.Select(FindDue).FirstOrDefault(due => due is not null);
        }

        if (missing is not null)
        {
            world.Violate($"nobody calls, and {missing} is never entered.");
        }
    }

    /// <summary>What is due on an account by the clock that is furthest behind and was not entered within its window; null for nothing.</summary>
    private string? FindDue(AccountId account)
    {
        var state = Ledger.Base(account) is { } begin ? LedgerBases.StateOf(account, begin) : Account.New(account);
        foreach (var row in Ledger.Rows(account).Where(row => row.Sequence > state.Sequence).ToArray())
        {
            Account.Evolve(state, Views.ToEntry(row));
        }

        var now = processes.Min(process => process!.Clock.GetUtcNow()) - new DueQueueOptions().Window;
        return state.IsOpen && state.NextDue < now ? $"what is due on {account} at {state.NextDue:O}" : null;
    }
}
