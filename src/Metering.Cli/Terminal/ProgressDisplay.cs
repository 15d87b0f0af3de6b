using System.Globalization;
using Spectre.Console;

namespace Metering.Cli;

/// <summary>Shows how far a piece of work is. Called from one thread at a time.</summary>
internal interface IProgressDisplay
{
    /// <summary>Tells where the work stands.</summary>
    /// <param name="done">How much is done.</param>
    /// <param name="all">How much there is in all; 0 where it is not known yet.</param>
    void Set(long done, long all);
}

/// <summary>A line at each tenth of the work: for logs, pipes and screen readers.</summary>
internal sealed class PlainProgress(TextWriter writer, string title, string unit) : IProgressDisplay
{
    private const int Steps = 10;
    private int shown;

    /// <inheritdoc />
    public void Set(long done, long all)
    {
        var step = all <= 0 ? 0 : (int)(Steps * (Int128)done / all);
        if (step > shown)
        {
            shown = step;
            writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{title}: {step * (100 / Steps)}% ({done:N0} of {all:N0} {unit})"));
        }
    }
}

/// <summary>A bar with the count, the rate and the time that is left.</summary>
internal sealed class ScreenProgress : IProgressDisplay
{
    private readonly ProgressTask task;
    private readonly string title;
    private readonly string unit;

    private ScreenProgress(ProgressTask task, string title, string unit)
    {
        this.task = task;
        this.title = title;
        this.unit = unit;
    }

    /// <summary>Runs work under a bar, which stays on the screen.</summary>
    public static Task<T> RunAsync<T>(IAnsiConsole console, string title, string unit, Func<IProgressDisplay, Task<T>> work) =>
        console.Progress()
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn(), new RemainingTimeColumn())
            .StartAsync(context => work(new ScreenProgress(context.AddTask(Markup.Escape(title)), title, unit)));

    /// <inheritdoc />
    public void Set(long done, long all)
    {
        task.MaxValue = Math.Max(1, all);
        task.Value = done;
        task.Description = Markup.Escape(string.Create(CultureInfo.InvariantCulture, $"{title} {done:N0} of {all:N0} {unit}"));
    }
}
