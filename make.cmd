@echo off
rem The same two commands on Windows: "make run" and "make test" in this folder.
setlocal
if "%PYTHON%"=="" set PYTHON=py -3
if "%SHIKRA_VENV%"=="" set SHIKRA_VENV=.venv
if "%1"=="run" (
  %PYTHON% requirements\install.py runtime || exit /b 2
  %SHIKRA_VENV%\Scripts\python.exe main.py %ARGS%
  exit /b %errorlevel%
)
if "%1"=="test" (
  %PYTHON% requirements\install.py dev || exit /b 2
  %SHIKRA_VENV%\Scripts\python.exe tests\checks.py %ARGS%
  exit /b %errorlevel%
)
echo Expected "make run" or "make test".
exit /b 2
